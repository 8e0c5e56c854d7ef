//! What a message costs: markets, rate cards and rules as data, and the two decisions that read them.
//!
//! | module | owns |
//! |---|---|
//! | `category` | what kind of message a price is for |
//! | `market` | which countries are priced together, and from which day |
//! | `card` | amounts by market, category, day and volume |
//! | `free` | why a message costs nothing, and the rules that say when |
//! | `told` | what a provider's callback says about the price |
//! | `tariff` | all of it in force, and [`Tariff::charge`]: one message → an amount or free because |
//! | `settlement` | what is booked when a message has arrived: what was told beside what was estimated |
//! | `read` | the files that hold markets, rules and cards |
//!
//! Nothing here knows a date on which Meta changed its prices: such dates stand in the files.

mod card;
mod category;
mod free;
mod market;
mod read;
mod settlement;
mod tariff;
mod told;

#[cfg(test)]
mod tests;

pub use card::{Card, Rate, Step};
pub use category::PriceCategory;
pub use free::{FreeBecause, FreeRule};
pub use market::{Market, Markets};
pub use read::{Amount, read_card, read_markets, read_rules};
pub use settlement::{Basis, Difference, Settlement, settle};
pub use tariff::{Charge, Sale, Source, Tariff};
pub use told::{ToldKind, ToldPrice};
