//! Which countries are priced together.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::country::CountryCode;

/// A market: countries with the same prices, from some day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// Its name, as rate cards call it.
    pub name: Arc<str>,
    /// Its countries.
    pub countries: Vec<CountryCode>,
    /// The first day on which it is a market of its own; `None`: it always was.
    pub from: Option<Date>,
}

/// All markets. A country belongs to the youngest of the markets that name it: so a country that leaves another market is written once more,
/// with its day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Markets {
    all: Vec<Market>,
    /// For each country the places of its markets, the youngest first.
    of_country: HashMap<CountryCode, Vec<usize>>,
    /// To which the countries belong that no market names.
    rest: Option<Arc<str>>,
}

impl Markets {
    /// With these markets, and the name of the one to which all other countries belong.
    ///
    /// # Errors
    /// A country that two markets claim from the same day on, with their places in the list.
    pub fn new(all: Vec<Market>, rest: Option<Arc<str>>) -> Result<Self, (CountryCode, usize, usize)> {
        let mut of_country: HashMap<CountryCode, Vec<usize>> = HashMap::new();
        for (at, market) in all.iter().enumerate() {
            for country in &market.countries {
                let theirs = of_country.entry(*country).or_default();
                if let Some(other) = theirs.iter().find(|other| all[**other].from == market.from) {
                    return Err((*country, *other, at));
                }
                theirs.push(at);
            }
        }
        for theirs in of_country.values_mut() {
            theirs.sort_by(|a, b| all[*b].from.cmp(&all[*a].from));
        }
        Ok(Self { all, of_country, rest })
    }

    /// The market of a country on a day; `None` where no market has it.
    pub fn of(&self, country: Option<CountryCode>, on: Date) -> Option<&Arc<str>> {
        let named = country.and_then(|country| self.of_country.get(&country));
        let named = named.and_then(|theirs| theirs.iter().find(|at| self.all[**at].from.is_none_or(|from| from <= on)));
        match named {
            Some(at) => Some(&self.all[*at].name),
            // Nobody knows where a number without a country is.
            None => self.rest.as_ref().filter(|_| country.is_some()),
        }
    }

    /// The name under which a market is known, if there is one.
    pub fn named(&self, name: &str) -> Option<&Arc<str>> {
        self.names().find(|known| &***known == name)
    }

    /// The names of all markets, some of them twice.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.all.iter().map(|market| &market.name).chain(&self.rest)
    }
}
