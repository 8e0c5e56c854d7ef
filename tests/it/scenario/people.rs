//! The people of a scenario, by number.

use barid::domain::channel::Channel;
use barid::ports::Address;

/// The number of person `n`.
pub(crate) fn phone(n: usize) -> String {
    format!("+9665{:08}", 20_000_000 + n)
}

/// The mailbox of person `n`.
pub(crate) fn email(n: usize) -> String {
    format!("{n}@people.example")
}

/// Whose number that is.
pub(crate) fn who_has(phone: &str) -> usize {
    phone.trim_start_matches("+9665").parse::<usize>().expect("a number of ours") - 20_000_000
}

/// Who lives there.
pub(crate) fn who_is_at(address: &Address) -> usize {
    match address {
        Address::Phone(phone) => who_has(phone.e164()),
        Address::Email(email) => email.split('@').next().and_then(|n| n.parse().ok()).expect("a mailbox of ours"),
    }
}

/// The name by which chance knows a person on a channel.
pub(crate) fn lot_of(n: usize, channel: Channel) -> u64 {
    let number: u64 = phone(n).trim_start_matches('+').parse().unwrap();
    number + channel as u64
}
