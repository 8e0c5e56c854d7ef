//! What to do with a message whose answer was never seen, when the silence has lasted long enough.

use jiff::{SignedDuration, Timestamp};

use crate::domain::campaign::OnUnknown;
use crate::domain::delivery::Fact;

/// The fact that a lasting silence is, by the campaign's rule.
///
/// `not_before` is the moment before which even the slowest callback of late would not have come: callbacks that are slower than
/// `unknown_after` move the decision, whatever the rule. `others_were_heard` says whether callbacks came in for other messages that the same sender called in the same minutes. A
/// silence that proves nothing is looked at again every `unknown_after`, and at the message's expiry it is taken as sent: nobody
/// may get it twice, and nothing more can be learnt.
pub fn after_silence(
    rule: OnUnknown,
    others_were_heard: bool,
    expires_at: Timestamp,
    unknown_after: SignedDuration,
    not_before: Timestamp,
    now: Timestamp,
) -> Fact {
    if now < not_before && now < expires_at {
        return Fact::StillSilent { decide_at: not_before.min(expires_at) };
    }
    match rule {
        OnUnknown::AssumeSent => Fact::AssumeSent,
        _ if now >= expires_at => Fact::AssumeSent,
        OnUnknown::SendAgain => Fact::SendAgain,
        OnUnknown::Evidence if others_were_heard => Fact::SendAgain,
        OnUnknown::Evidence => {
            let again = now.checked_add(unknown_after).unwrap_or(expires_at);
            Fact::StillSilent { decide_at: again.min(expires_at) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_decides_as_it_promises() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let minute = SignedDuration::from_mins(1);
        let decide = |rule, heard, now| after_silence(rule, heard, at(1000), minute, at(5), at(now));
        assert_eq!(decide(OnUnknown::Evidence, true, 10), Fact::SendAgain);
        assert_eq!(decide(OnUnknown::Evidence, false, 10), Fact::StillSilent { decide_at: at(70) });
        assert_eq!(decide(OnUnknown::Evidence, false, 990), Fact::StillSilent { decide_at: at(1000) });
        assert_eq!(decide(OnUnknown::Evidence, true, 1000), Fact::AssumeSent, "too old to send again");
        assert_eq!(decide(OnUnknown::SendAgain, false, 10), Fact::SendAgain);
        assert_eq!(decide(OnUnknown::SendAgain, false, 1000), Fact::AssumeSent);
        assert_eq!(decide(OnUnknown::AssumeSent, true, 10), Fact::AssumeSent);
        assert_eq!(decide(OnUnknown::SendAgain, true, 4), Fact::StillSilent { decide_at: at(5) }, "callbacks are slow");
    }
}
