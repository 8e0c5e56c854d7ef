//! Reading the query of a list: what it selects, how long a page is and where it begins.

use std::collections::HashMap;
use std::fmt::Display;
use std::str::FromStr;

use crate::domain::phone_number::PhoneNumber;
use crate::http::error::Problem;

/// Items of a page when nothing is said.
const LIMIT_DEFAULT: u64 = 100;
/// Items of a page at most.
const LIMIT_MAX: u64 = 1_000;

/// The query of a call.
pub(super) struct Query(HashMap<String, String>);

impl Query {
    /// # Errors
    /// When it has a parameter that this list does not know: a filter that is misspelt must not show everything.
    pub(super) fn new(parameters: HashMap<String, String>, known: &[&str]) -> Result<Self, Problem> {
        let paging = ["limit", "cursor"];
        match parameters.keys().find(|name| !known.contains(&name.as_str()) && !paging.contains(&name.as_str())) {
            None => Ok(Self(parameters)),
            Some(unknown) => {
                let known = [known, &paging].concat().join("`, `");
                Err(Problem::bad_request(format!("there is no parameter `{unknown}`; known are `{known}`")))
            }
        }
    }

    /// The parameter, parsed; an empty one counts as absent.
    pub(super) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: Display,
    {
        self.text(name)
            .map(|text| text.parse().map_err(|error| Problem::bad_request(format!("parameter `{name}`: {error}"))))
            .transpose()
    }

    /// The parameter, looked up by name.
    pub(super) fn named<T>(&self, name: &str, find: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        self.text(name)
            .map(|text| {
                find(text).ok_or_else(|| Problem::bad_request(format!("parameter `{name}`: there is no `{text}`")))
            })
            .transpose()
    }

    /// The parameter as a phone number. A plus sign that was not percent-encoded arrives as a blank, and some leave it out.
    pub(super) fn phone(&self, name: &str) -> Result<Option<PhoneNumber>, Problem> {
        self.text(name)
            .map(|text| {
                PhoneNumber::from_e164(&format!("+{}", text.trim().trim_start_matches('+')))
                    .map_err(|error| Problem::bad_request(format!("parameter `{name}`: {error}")))
            })
            .transpose()
    }

    pub(super) fn limit(&self) -> Result<u64, Problem> {
        match self.text("limit").map(str::parse) {
            None => Ok(LIMIT_DEFAULT),
            Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
            _ => Err(Problem::bad_request(format!("parameter `limit`: give a number from 1 to {LIMIT_MAX}"))),
        }
    }

    /// Where the page begins: the key behind which it lies.
    pub(super) fn cursor(&self) -> Result<Option<i64>, Problem> {
        self.text("cursor")
            .map(|text| {
                text.parse().ok().filter(|key| *key >= 0).ok_or_else(|| {
                    Problem::bad_request("parameter `cursor`: give what the page before named as `next`")
                })
            })
            .transpose()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// The cursor behind a key.
pub(super) fn next(key: Option<i64>) -> Option<String> {
    key.map(|key| key.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(parameters: &[(&str, &str)]) -> Result<Query, Problem> {
        let owned = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Query::new(owned.collect(), &["phone", "state"])
    }

    #[test]
    fn a_misspelt_filter_is_refused() {
        assert!(query(&[("phone", "1"), ("limit", "2")]).is_ok());
        assert!(query(&[("fone", "1")]).is_err());
    }

    #[test]
    fn limits_and_cursors_have_bounds() {
        let limit = |text: &str| query(&[("limit", text)]).unwrap().limit().ok();
        assert_eq!(["1", "1000", "0", "1001", "x", ""].map(limit), [Some(1), Some(1000), None, None, None, Some(100)]);
        let cursor = |text: &str| query(&[("cursor", text)]).unwrap().cursor().ok();
        assert_eq!(["7", "-1", "x", ""].map(cursor), [Some(Some(7)), None, None, Some(None)]);
    }

    #[test]
    fn a_plus_sign_may_be_lost_on_the_way() {
        for text in ["+966500000101", " 966500000101", "966500000101"] {
            let phone = query(&[("phone", text)]).unwrap().phone("phone").unwrap().unwrap();
            assert_eq!(phone.e164(), "+966500000101");
        }
        assert!(query(&[("phone", "+96650x")]).unwrap().phone("phone").is_err());
    }
}
