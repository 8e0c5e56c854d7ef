//! `[pricing]`: what a message costs. Flat prices, and the folder of rate cards that win over them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layers::{cannot_read, files_in};
use super::problem_of;
use crate::domain::document::Table;
use crate::domain::money::{Currency, Money};
use crate::domain::pricing::{Amount, Card, FreeRule, Markets, Tariff, read_card, read_markets, read_rules};
use crate::domain::problem::Problem;
use crate::domain::schedule::Zone;

/// Meta's markets and rules, which hold unless the folder has files of these names.
const MARKETS: (&str, &str) = ("markets.toml", include_str!("../../config/rates/markets.toml"));
const RULES: (&str, &str) = ("rules.toml", include_str!("../../config/rates/rules.toml"));

/// Prices of one message.
#[derive(Debug, Clone)]
pub struct Pricing {
    /// Of an approved template.
    pub template: Money,
    /// Of free-form text, buttons and lists.
    pub text: Money,
    /// Of media.
    pub media: Money,
    /// Of a message over WhatsApp through Twilio, Meta's part included.
    pub twilio_whatsapp: Money,
    /// Of one segment of a text message.
    pub sms: Money,
    /// Of an e-mail.
    pub email: Money,
    /// The folder of rate cards, where one is named or found.
    pub rates_dir: PathBuf,
    /// By what messages over WhatsApp are priced.
    pub tariff: Arc<Tariff>,
}

impl Pricing {
    /// `zone` is where clocks hang that say nothing else; `found` where the folder of cards is that nobody named. What is wrong in its files
    /// is added to `wrong`: they stand beside the configuration, not in it.
    pub(super) fn read(
        table: &Table<'_>,
        zone: Option<&Zone>,
        found: impl FnOnce() -> PathBuf,
        wrong: &mut Vec<Problem>,
    ) -> Option<Self> {
        let currency: Option<Currency> = table.required("currency");
        let price = |key| {
            let amount: Amount = table.required(key)?;
            let money = amount.in_currency(currency.unwrap_or(Currency::USD));
            money.map_err(|problem| table.problem(key, format!("`{key}` {problem}"))).ok()
        };
        let (template, text, media) = (price("template"), price("text"), price("media"));
        let (twilio_whatsapp, sms, email) = (price("twilio_whatsapp"), price("sms"), price("email"));
        let own_zone: Option<Zone> = table.optional("timezone");
        let named = super::folder(table, "rates_dir");
        let is_named = named.is_some();
        let rates_dir = named.unwrap_or_else(found);
        let zone = own_zone.or_else(|| zone.cloned());
        let tariff = tariff(currency?, zone?, &rates_dir, is_named, wrong);
        Some(Self {
            template: template?,
            text: text?,
            media: media?,
            twilio_whatsapp: twilio_whatsapp?,
            sms: sms?,
            email: email?,
            rates_dir,
            tariff: Arc::new(tariff),
        })
    }
}

/// Reads the folder. Without one there are Meta's markets and rules, and no card.
fn tariff(currency: Currency, zone: Zone, folder: &Path, is_named: bool, wrong: &mut Vec<Problem>) -> Tariff {
    let files = if is_named || folder.is_dir() {
        files_in(folder, "toml").unwrap_or_else(|error| {
            wrong.push(problem_of(folder, cannot_read(&error)));
            Vec::new()
        })
    } else {
        Vec::new()
    };
    let named = |name: &str| files.iter().find(|file| file.file_name().is_some_and(|own| own == name));
    let mut of = |(name, built_in): (&str, &str)| match named(name) {
        Some(file) => text_of(file, wrong),
        None => Some((name.to_owned(), built_in.to_owned())),
    };
    let (markets, rules) = (of(MARKETS), of(RULES));
    let mut markets_in_force = Markets::default();
    if let Some((path, text)) = markets {
        match read_markets(&path, &text) {
            Ok(markets) => markets_in_force = markets,
            // Every card would be told to name markets that are not there.
            Err(problems) => {
                wrong.extend(problems);
                return Tariff { zone, ..Tariff::flat(currency) };
            }
        }
    }
    let rules: Vec<FreeRule> = match rules.map(|(path, text)| read_rules(&path, &text)) {
        Some(Ok(rules)) => rules,
        Some(Err(problems)) => {
            wrong.extend(problems);
            Vec::new()
        }
        None => Vec::new(),
    };
    let mut card = Card::default();
    let is_card =
        |file: &&PathBuf| [MARKETS.0, RULES.0].iter().all(|name| file.file_name().is_none_or(|own| own != *name));
    for file in files.iter().filter(is_card) {
        let Some((path, text)) = text_of(file, wrong) else { continue };
        if let Err(problems) = read_card(&path, &text, currency, &markets_in_force, &mut card) {
            wrong.extend(problems);
        }
    }
    Tariff { currency, zone, markets: markets_in_force, rules, card }
}

fn text_of(file: &Path, wrong: &mut Vec<Problem>) -> Option<(String, String)> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some((file.display().to_string(), text)),
        Err(error) => {
            wrong.push(problem_of(file, cannot_read(&error)));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::country::CountryCode;
    use crate::domain::pricing::{Charge, PriceCategory, Sale, Source};

    fn read_folder(files: &[(&str, &str)]) -> (Tariff, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut wrong = Vec::new();
        let tariff = tariff(Currency::USD, Zone::utc(), folder.path(), true, &mut wrong);
        let inside = format!("{}/", folder.path().display());
        (tariff, wrong.iter().map(|problem| problem.to_string().replace(&inside, "")).collect())
    }

    fn sale(country: &str, category: PriceCategory, on: &str) -> Sale {
        Sale {
            category,
            country: Some(country.parse::<CountryCode>().unwrap()),
            on: on.parse().unwrap(),
            in_window: false,
            in_entry_point: false,
            charged_before: 0,
            sent_before: 0,
            flat_micros: 2_500,
        }
    }

    #[test]
    fn what_ships_is_right_and_loads_no_card() {
        let (built_in, wrong) = read_folder(&[]);
        assert_eq!(wrong, Vec::<String>::new());
        assert!(built_in.card.is_empty());
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/rates");
        let mut wrong = Vec::new();
        let beside = tariff(Currency::USD, Zone::utc(), &shipped, true, &mut wrong);
        assert!(wrong.is_empty() && beside.card.is_empty(), "{wrong:?}");
        assert_eq!((&beside.markets, &beside.rules), (&built_in.markets, &built_in.rules));
        let utility = sale("SA", PriceCategory::Utility, "2026-11-22");
        assert_eq!(built_in.charge(&utility), Charge::Paid { micros: 2_500, source: Source::Flat });
    }

    #[test]
    fn the_example_is_a_card_of_this_format() {
        let example = include_str!("../../config/rates/second-hand-2026.toml.example");
        let (tariff, wrong) = read_folder(&[("card.toml", example)]);
        assert_eq!(wrong, Vec::<String>::new());
        assert!(tariff.card.sources()[0].starts_with("second-hand"));
        let micros = |country, category, on| match tariff.paid(&sale(country, category, on)) {
            Charge::Paid { micros, source: Source::Card } => Some(micros),
            _ => None,
        };
        use PriceCategory::{Authentication, AuthenticationInternational, Marketing, MarketingLite, Service, Utility};
        assert_eq!(micros("SA", Utility, "2026-11-22"), Some(10_700));
        assert_eq!(micros("SA", MarketingLite, "2026-11-22"), Some(50_100), "no rate of its own: that of marketing");
        assert_eq!(micros("QA", AuthenticationInternational, "2026-11-22"), Some(12_000), "likewise");
        assert_eq!(micros("SA", Utility, "2026-06-30"), None, "before the card");
        assert_eq!(micros("SA", Service, "2026-09-30"), None);
        assert_eq!(micros("SA", Service, "2026-10-01"), Some(10_700));
        // Kuwait left its region in October, and this card does not have it.
        assert_eq!((micros("KW", Utility, "2026-09-30"), micros("KW", Utility, "2026-10-01")), (Some(9_100), None));
        assert_eq!((micros("QA", Utility, "2026-07-01"), micros("QA", Utility, "2026-06-30")), (Some(12_000), None));
        assert_eq!(
            (micros("US", Utility, "2026-10-01"), micros("CA", Authentication, "2026-10-01")),
            (Some(3_400), None)
        );
        assert_eq!(
            (micros("MX", Marketing, "2026-09-30"), micros("MX", Marketing, "2026-10-01")),
            (Some(30_500), Some(39_700))
        );
        let after =
            |charged_before| tariff.paid(&Sale { charged_before, ..sale("AE", Utility, "2026-11-22") }).micros();
        assert_eq!([99_999, 100_000, 1_000_000, 90_000_000].map(after), [15_700, 14_900, 14_100, 11_800]);
    }

    #[test]
    fn everything_wrong_in_the_files_is_told_with_its_line() {
        let card = "currency = \"EUR\"\nsauce = \"Meta\"\n[[rates]]\nmarket = \"Saudi Arab\"\nfrom = 2026-07-01\nutility = \"0,01\"\n\
                    [[rates]]\nmarket = \"Egypt\"\nfrom = \"July\"\nmarketing = [{ above = 5, price = \"1\" }]\n\
                    [[rates]]\nmarket = \"Egypt\"\nfrom = 2026-07-01\n\
                    [[rates]]\nmarket = \"Egypt\"\nfrom = 2026-07-01\nutility = \"1\"\nmarketing = [{ price = \"1\" }, { above = 0, price = \"1\" }]\n\
                    [[rates]]\nmarket = \"Egypt\"\nfrom = 2026-07-01\nutility = \"-1\"\nservice = [{ prize = \"1\" }]\n\
                    [[rates]]\nmarket = \"Egypt\"\nfrom = 2026-07-01\nutility = \"2\"\n";
        let rules = "[[free]]\nbecause = \"told\"\ncategories = [\"service\", \"other\"]\nfrom = 2026-10-01\nuntil = 2026-10-01\n\
                     [[free]]\nbecause = \"monthly-share\"\ncategories = [\"service\"]\n";
        let (tariff, wrong) =
            read_folder(&[("card.toml", card), ("rules.toml", rules), ("empty.toml", ""), (".draft.toml", "?")]);
        insta::assert_snapshot!(wrong.join("\n"));
        assert!(tariff.card.is_empty(), "of a file with mistakes nothing is in force");
        let markets = "[[markets]]\nname = \"A\"\ncountries = [\"SA\"]\n[[markets]]\nname = \"B\"\ncountries = [\"EG\", \"SA\"]\n\
                       [[markets]]\nname = \"C\"\ncountries = [\"XX\"]\n";
        let (_, wrong) = read_folder(&[("markets.toml", markets), ("card.toml", card)]);
        insta::assert_snapshot!(wrong.join("\n"));
    }
}
