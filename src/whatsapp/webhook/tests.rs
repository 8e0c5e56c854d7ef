use super::*;
use crate::domain::news::InboundNews;

/// Everything in it, personal data included: these people are made up.
fn shown(news: &News) -> String {
    let News::Inbound(inbound) = news else { return format!("{news:#?}") };
    let InboundNews {
        channel: _,
        sender,
        whatsapp_id,
        phone,
        bsuid,
        profile_name,
        provider_at,
        kind,
        text,
        payload,
        media_id,
        in_reply_to,
    } = inbound;
    let sender = sender.as_ref().expect("Meta names the number");
    format!(
        "Inbound {kind} {whatsapp_id} at {provider_at} to {sender}\n  phone {phone:?}\n  bsuid {bsuid:?}\n  name {profile_name:?}\n  \
         text {text:?}\n  payload {payload:?}\n  media {media_id:?}\n  answers {:?}",
        in_reply_to.as_ref().map(WhatsAppId::as_str)
    )
}

#[test]
fn only_bodies_in_which_somebody_may_have_written_are_looked_into_at_the_door() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhook");
    let (mut with_words, mut passed_over) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let (path, reader) = (file.unwrap().path(), Reader::new(&[]));
        let body = std::fs::read(&path).unwrap();
        let news = reader.read(&body).unwrap_or_default();
        let has_words = news.iter().any(|news| matches!(news, News::Inbound(message) if message.text.is_some()));
        assert!(reader.may_hold_words(&body) || !has_words, "{}", path.display());
        with_words += usize::from(has_words);
        passed_over += usize::from(!reader.may_hold_words(&body));
    }
    assert!(with_words > 5 && passed_over > 5, "{with_words} and {passed_over}: this shows little");
}

#[test]
fn every_fixture_is_read_as_its_name_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhook");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 20, "{folder} is the specification and is not empty");
    let reader = Reader::new(&[]);
    for path in paths {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let read = match reader.read(&std::fs::read(&path).unwrap()) {
            Ok(news) => news.iter().map(shown).collect::<Vec<_>>().join("\n"),
            Err(because) => format!("refused: {because}"),
        };
        insta::with_settings!({ snapshot_suffix => stem, omit_expression => true }, {
            insta::assert_snapshot!("fixture", read);
        });
    }
}

/// The vector of the reference: made with `demo-app-secret` over the escaped form.
const SIGNED: &[u8] =
    br#"{"object":"whatsapp_business_account","entry":[{"id":"0","note":"Gr\u00f6\u00dfe\/\u0627"}]}"#;
const SIGNATURE: &str = "sha256=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0881905fd80cd5ed22948c1da";

#[test]
fn the_signature_is_over_the_raw_bytes() {
    let reader = Reader::new(&["demo-app-secret".into()]);
    assert!(reader.signature_is_valid(Some(SIGNATURE), SIGNED));
    // The same body decoded and encoded again means the same and is not what was signed.
    let decoded: serde_json::Value = serde_json::from_slice(SIGNED).unwrap();
    assert!(!reader.signature_is_valid(Some(SIGNATURE), &serde_json::to_vec(&decoded).unwrap()));
}

#[test]
fn either_secret_is_good_while_one_is_being_replaced() {
    let both = Reader::new(&["new".into(), "demo-app-secret".into()]);
    assert!(both.signature_is_valid(Some(SIGNATURE), SIGNED));
    both.replace_secrets(&["new".into()]);
    assert!(!both.signature_is_valid(Some(SIGNATURE), SIGNED));
}

#[test]
fn what_is_not_a_signature_is_not_valid() {
    let reader = Reader::new(&["demo-app-secret".into()]);
    let (last_changed, short) = (SIGNATURE.replace("c1da", "c1db"), &SIGNATURE[..SIGNATURE.len() - 2]);
    for header in [None, Some(""), Some("sha256="), Some(&SIGNATURE[7..]), Some(short), Some(last_changed.as_str())] {
        assert!(!reader.signature_is_valid(header, SIGNED), "{header:?}");
    }
    for reader in [Reader::new(&[]), Reader::new(&["".into()])] {
        assert!(!reader.signature_is_valid(Some(SIGNATURE), SIGNED), "without a secret nothing is signed");
    }
}

#[test]
fn times_are_seconds_or_milliseconds() {
    for (text, at) in [
        (Some("1793000400"), "2026-10-26T07:40:00Z"),
        (Some(" 1793000400 "), "2026-10-26T07:40:00Z"),
        (Some("1793000400123"), "2026-10-26T07:40:00.123Z"),
        (None, "1970-01-01T00:00:00Z"),
        (Some("soon"), "1970-01-01T00:00:00Z"),
        (Some("9223372036854775807"), "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(moment(text).to_string(), at, "{text:?}");
    }
}
