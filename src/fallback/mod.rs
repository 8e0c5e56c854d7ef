//! The channels that take over where WhatsApp gave up: WhatsApp through Twilio, text messages, e-mail; and what their providers call back.
//!
//! | module | owns |
//! |---|---|
//! | `twilio` | one call to Twilio, and what its outcome proves |
//! | `twilio_whatsapp`, `sms` | what a letter is on these two |
//! | `twilio_codes` | Twilio's codes, each with our failure class |
//! | `twilio_callbacks` | whose callbacks are Twilio's, and what they say |
//! | `email` | a letter as mail, the conversation with the mail server, bounces |

pub mod email;
pub mod sms;
pub mod twilio;
pub mod twilio_callbacks;
pub mod twilio_codes;
pub mod twilio_whatsapp;

/// Words of a provider without what may be personal: addresses and long numbers are left out, and the rest is cut.
fn without_addresses(words: &str) -> String {
    /// How much of a provider's words is kept.
    const CHARS_MAX: usize = 300;
    /// Shorter runs of digits are codes.
    const DIGITS_MAX: usize = 6;
    let shown = words.split_whitespace().map(|word| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if word.contains('@') || digits > DIGITS_MAX { "…" } else { word }
    });
    shown.collect::<Vec<_>>().join(" ").chars().take(CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::without_addresses;

    #[test]
    fn nothing_personal_is_kept_of_a_providers_words() {
        assert_eq!(
            without_addresses("The 'To' number +966500000101 is not a\nvalid phone number (21211)."),
            "The 'To' number … is not a valid phone number (21211)."
        );
        assert_eq!(without_addresses("5.1.1 <nadia@example.com>: no such user"), "5.1.1 … no such user");
        assert_eq!(without_addresses(&"x ".repeat(1_000)).chars().count(), 300);
    }
}
