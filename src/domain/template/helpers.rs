//! The helpers of templates. Each answers a text or says what is wrong with its value, without repeating the value: it may be
//! personal.
//!
//! | helper | gives |
//! |---|---|
//! | `{{number n digits="arab"}}` | the number with separators; digits `latn` (default) or `arab` |
//! | `{{plural n one="…" two="…" few="…" many="…" other="…"}}` | the form for the number, `#` in it replaced by the number |
//! | `{{date d style="short" calendar="hijri" digits="arab"}}` | the date; style `long` (default) or `short` |
//! | `{{money amount "SAR"}}` | the amount with its currency |
//! | `{{default value "…"}}` | the value, or the second one where the first is not known |
//! | `{{isolate value}}` | the value in its own direction; values inserted plainly are isolated where needed anyway |

use std::sync::LazyLock;

use fixed_decimal::Decimal;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, PathAndJson, RenderContext, RenderError, RenderErrorReason, ScopedJson,
};
use jiff::civil;
use serde_json::Value as Json;

use super::{cldr, direction};
use crate::domain::language::Language;
use crate::domain::money::Currency;

/// Names of all helpers.
pub(super) const NAMES: [&str; 6] = ["date", "default", "isolate", "money", "number", "plural"];

/// The engine for texts in that language: strict, nothing escaped.
pub(super) fn engine(language: Language) -> &'static Handlebars<'static> {
    static ARABIC: LazyLock<Handlebars<'static>> = LazyLock::new(|| new_engine(Language::Ar));
    static ENGLISH: LazyLock<Handlebars<'static>> = LazyLock::new(|| new_engine(Language::En));
    match language {
        Language::Ar => &ARABIC,
        Language::En => &ENGLISH,
    }
}

fn new_engine(language: Language) -> Handlebars<'static> {
    let mut engine = Handlebars::new();
    engine.set_strict_mode(true);
    engine.register_escape_fn(handlebars::no_escape);
    let helpers: [(&str, Make); 6] = [
        ("number", number),
        ("plural", plural),
        ("date", date),
        ("money", money),
        ("default", default),
        ("isolate", isolate),
    ];
    for (name, make) in helpers {
        engine.register_helper(name, Box::new(TextHelper { language, make }));
    }
    engine
}

type Make = fn(&Helper<'_>, Language) -> Result<String, RenderError>;

struct TextHelper {
    language: Language,
    make: Make,
}

impl HelperDef for TextHelper {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        (self.make)(helper, self.language).map(|text| ScopedJson::Derived(Json::String(text)))
    }
}

fn wrong(message: impl Into<String>) -> RenderError {
    RenderErrorReason::Other(message.into()).into()
}

/// The text of a value that must be there.
fn text(value: Option<&PathAndJson<'_>>, helper: &str) -> Result<String, RenderError> {
    let value = value.ok_or_else(|| wrong(format!("`{helper}` needs a value")))?;
    if value.is_value_missing() || value.value().is_null() {
        return Err(RenderError::strict_error(value.relative_path()));
    }
    Ok(value.render())
}

/// A named option out of a closed set.
fn option<T: Default + Copy>(helper: &Helper<'_>, name: &str, known: &[(&str, T)]) -> Result<T, RenderError> {
    let Some(given) = helper.hash_get(name) else { return Ok(T::default()) };
    let given = given.render();
    known.iter().find(|(word, _)| *word == given).map(|(_, value)| *value).ok_or_else(|| {
        let words = crate::domain::problem::listed(known.iter().map(|(word, _)| *word));
        wrong(format!("`{name}` of `{}` must be one of {words}", helper.name()))
    })
}

fn digits(helper: &Helper<'_>) -> Result<cldr::Digits, RenderError> {
    option(helper, "digits", &[("latn", cldr::Digits::Latin), ("arab", cldr::Digits::Arabic)])
}

fn decimal(helper: &Helper<'_>) -> Result<Decimal, RenderError> {
    text(helper.param(0), helper.name())?
        .trim()
        .parse()
        .map_err(|_| wrong(format!("the value for `{}` is not a number such as `1250.5`", helper.name())))
}

fn number(helper: &Helper<'_>, language: Language) -> Result<String, RenderError> {
    Ok(cldr::number(&decimal(helper)?, language, digits(helper)?))
}

fn plural(helper: &Helper<'_>, language: Language) -> Result<String, RenderError> {
    let count = decimal(helper)?;
    let other = helper.hash_get("other").ok_or_else(|| wrong("`plural` needs the form `other=\"…\"`"))?;
    let form = helper.hash_get(cldr::plural(&count, language)).unwrap_or(other).render();
    Ok(form.replace('#', &cldr::number(&count, language, digits(helper)?)))
}

fn date(helper: &Helper<'_>, language: Language) -> Result<String, RenderError> {
    let text = text(helper.param(0), helper.name())?;
    let not_a_date = || wrong("the value for `date` is not a date such as `2026-12-01`");
    let day = text.trim().get(..10).ok_or_else(not_a_date)?.parse::<civil::Date>().map_err(|_| not_a_date())?;
    let style = option(helper, "style", &[("long", cldr::DateStyle::Long), ("short", cldr::DateStyle::Short)])?;
    let calendar =
        option(helper, "calendar", &[("gregorian", cldr::Calendar::Gregorian), ("hijri", cldr::Calendar::Hijri)])?;
    cldr::date(day, language, style, calendar, digits(helper)?).ok_or_else(not_a_date)
}

fn money(helper: &Helper<'_>, language: Language) -> Result<String, RenderError> {
    let amount = decimal(helper)?;
    let currency: Currency =
        text(helper.param(1), "money")?.parse().map_err(|_| wrong("`money` needs a currency code such as `SAR`"))?;
    Ok(cldr::money(&amount, currency, language, digits(helper)?))
}

fn default(helper: &Helper<'_>, _: Language) -> Result<String, RenderError> {
    let given = helper.param(0).filter(|value| !value.is_value_missing()).map(PathAndJson::render);
    match given.filter(|text| !text.trim().is_empty()) {
        Some(text) => Ok(text),
        None => text(helper.param(1), "default"),
    }
}

fn isolate(helper: &Helper<'_>, _: Language) -> Result<String, RenderError> {
    Ok(direction::always_isolated(&text(helper.param(0), "isolate")?))
}
