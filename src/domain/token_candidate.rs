//! Whether an access token may take the place of the one in force.

use crate::domain::live_check::{MANAGEMENT, MESSAGING, TokenFacts};

/// Judges what Meta says of it. `numbers`: those of ours that Meta does not answer for with it, and why.
///
/// # Errors
/// Why it may not, in a part of a sentence.
pub fn judge(facts: &TokenFacts, numbers: &[(String, String)]) -> Result<(), String> {
    if !facts.is_valid {
        let because = facts.because.as_deref().unwrap_or("no reason is given");
        return Err(format!("Meta refuses it: {because}"));
    }
    let missing: Vec<&str> =
        [MESSAGING, MANAGEMENT].into_iter().filter(|scope| facts.scopes.iter().all(|held| held != scope)).collect();
    if !missing.is_empty() {
        return Err(format!("it lacks {}", missing.join(" and ")));
    }
    match numbers.first() {
        None => Ok(()),
        Some((sender, because)) => Err(format!("Meta does not answer for the number {sender} with it: {because}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_that_can_do_all_that_is_needed_takes_over() {
        let good = TokenFacts {
            is_valid: true,
            scopes: vec![MESSAGING.to_owned(), MANAGEMENT.to_owned()],
            ..TokenFacts::default()
        };
        let refused = TokenFacts { because: Some("190 expired".to_owned()), ..TokenFacts::default() };
        let half = TokenFacts { scopes: vec![MESSAGING.to_owned()], ..good.clone() };
        let deaf = [("default".to_owned(), "100 no such object".to_owned())];
        for (facts, numbers, told) in [
            (&good, &[][..], None),
            (&refused, &[], Some("190 expired")),
            (&half, &[], Some("lacks whatsapp_business_management")),
            (&good, &deaf, Some("number default with it: 100")),
        ] {
            let judged = judge(facts, numbers);
            assert_eq!(judged.as_ref().is_err(), told.is_some(), "{judged:?}");
            assert!(told.is_none_or(|told| judged.unwrap_err().contains(told)), "{told:?}");
        }
    }
}
