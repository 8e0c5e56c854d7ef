//! What a status says about the price, by the rules in force on its day.
//!
//! Source: developers.facebook.com/documentation/business-messaging/whatsapp/pricing, checked 2026-11-22. The monthly free share of service
//! messages that third parties report is not simulated: Meta's page does not have it.

use super::json::Json;

/// 2025-07-01: prices for each message instead of each conversation.
const PER_MESSAGE_MS: i64 = 1_751_328_000_000;
/// 2026-10-01: service messages are charged, and so are utility templates inside the window.
const SERVICE_CHARGED_MS: i64 = 1_790_812_800_000;

/// What is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Priced {
    /// A template of this category (`marketing`, `utility`, `authentication`).
    Template(&'static str),
    /// Anything that is not a template.
    Service,
}

/// Type and category of a message at a moment. Before prices for each message there was no type.
pub(super) fn decide(
    now_ms: i64,
    priced: Priced,
    in_window: bool,
    by_entry_point: bool,
) -> (&'static str, &'static str) {
    let category = match priced {
        Priced::Template(category) => category,
        Priced::Service => "service",
    };
    let in_free_window = category == "service" || (category == "utility" && in_window);
    let kind = if by_entry_point {
        "free_entry_point"
    } else if now_ms < SERVICE_CHARGED_MS && in_free_window {
        "free_customer_service"
    } else {
        "regular"
    };
    (kind, category)
}

/// Writes the `pricing` object of a status.
pub(super) fn write(json: &mut Json, now_ms: i64, (kind, category): (&'static str, &'static str)) {
    if now_ms < PER_MESSAGE_MS {
        json.raw("{\"billable\":true,\"pricing_model\":\"CBP\",\"category\":").string(category).raw("}");
        return;
    }
    let billable = if kind == "regular" { "true" } else { "false" };
    json.raw("{\"billable\":").raw(billable).raw(",\"pricing_model\":\"PMP\",\"type\":");
    json.string(kind).raw(",\"category\":").string(category).raw("}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(now_ms: i64, priced: Priced, in_window: bool) -> String {
        let mut json = Json::default();
        write(&mut json, now_ms, decide(now_ms, priced, in_window, false));
        String::from_utf8(json.into_bytes()).unwrap()
    }

    #[test]
    fn the_day_decides_the_rule() {
        let utility = Priced::Template("utility");
        assert!(written(PER_MESSAGE_MS - 1, utility, true).contains("CBP"));
        assert!(written(SERVICE_CHARGED_MS - 1, utility, true).contains("free_customer_service"));
        assert!(written(SERVICE_CHARGED_MS - 1, utility, false).contains("regular"));
        assert!(written(SERVICE_CHARGED_MS - 1, Priced::Service, true).contains("\"billable\":false"));
        assert_eq!(
            written(SERVICE_CHARGED_MS, Priced::Service, true),
            r#"{"billable":true,"pricing_model":"PMP","type":"regular","category":"service"}"#
        );
        assert!(written(SERVICE_CHARGED_MS, utility, true).contains("regular"));
        assert_eq!(
            decide(SERVICE_CHARGED_MS, Priced::Template("marketing"), false, true),
            ("free_entry_point", "marketing")
        );
    }
}
