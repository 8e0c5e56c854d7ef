use super::*;
use crate::domain::news::{
    CardPhone, ContactCard, Extras, FormNews, InboundNews, LocationNews, MediaNews, OTHER_KINDS, OrderNews,
    PersonChange, PersonNews, RevokeNews,
};

/// Everything in it, personal data included: these people are made up.
fn shown(news: &News) -> String {
    match news {
        News::Inbound(inbound) => format!("Inbound {}", shown_inbound(inbound)),
        News::Edit(edit) => format!("Edit of {}: {}", edit.original, shown_inbound(&edit.message)),
        News::Revoke(RevokeNews { sender, original, provider_at }) => {
            format!("Revoke of {original} at {provider_at} to {}", shown_sender(sender.as_ref()))
        }
        News::Person(person) => {
            let PersonNews { sender, whatsapp_id, phone, bsuid, provider_at, change } = &**person;
            let change = match change {
                PersonChange::Number { phone } => format!("has the number {phone}"),
                PersonChange::UserId { bsuid } => format!("has the user id {bsuid}"),
                PersonChange::Marketing { may_send: true, detail } => format!("wants marketing again: {detail:?}"),
                PersonChange::Marketing { may_send: false, detail } => format!("wants no marketing: {detail:?}"),
            };
            let id = whatsapp_id.as_ref().map(WhatsAppId::as_str);
            let sender = shown_sender(sender.as_ref());
            format!("Person {change}\n  id {id:?} at {provider_at} to {sender}\n  phone {phone:?}\n  bsuid {bsuid:?}")
        }
        news => format!("{news:#?}"),
    }
}

fn shown_sender(sender: Option<&SenderId>) -> &SenderId {
    sender.expect("Meta names the number")
}

fn shown_inbound(inbound: &InboundNews) -> String {
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
        in_reply_to,
        extras,
    } = inbound;
    let answers = in_reply_to.as_ref().map(WhatsAppId::as_str);
    let mut lines = vec![
        format!("{kind} {whatsapp_id} at {provider_at} to {}", shown_sender(sender.as_ref())),
        format!("  phone {phone:?}"),
        format!("  bsuid {bsuid:?}"),
        format!("  name {profile_name:?}"),
        format!("  text {text:?}"),
        format!("  payload {payload:?}"),
        format!("  answers {answers:?}"),
    ];
    lines.extend(shown_extras(extras));
    lines.join("\n")
}

/// What came along, a line each.
fn shown_extras(extras: &Extras) -> Vec<String> {
    let Extras {
        media,
        location,
        cards,
        order,
        form,
        referral,
        forwarded,
        group,
        product,
        unsupported,
        errors,
        username,
        parent_bsuid,
    } = extras;
    let mut lines = Vec::new();
    if let Some(MediaNews { id, mime_type, sha256, filename, voice, animated, url }) = media {
        lines.push(format!(
            "  media {id:?} {mime_type:?} sha256 {sha256:?} named {filename:?} voice {voice} animated {animated} at {url:?}"
        ));
    }
    if let Some(LocationNews { latitude, longitude, name, address, url }) = location {
        lines.push(format!("  location {latitude:?} {longitude:?} {name:?} {address:?} {url:?}"));
    }
    for ContactCard { name, phones, origin } in cards {
        lines.push(format!("  card {name:?} origin {origin:?}"));
        for CardPhone { phone, wa_id, kind } in phones {
            lines.push(format!("    phone {phone:?} {wa_id:?} {kind:?}"));
        }
    }
    if let Some(OrderNews { catalogue, items }) = order {
        lines.push(format!("  order from {catalogue:?}: {items:?}"));
    }
    if let Some(FormNews { name, answers }) = form {
        lines.push(format!("  form {name:?}: {}", answers.as_ref().map(ToString::to_string).unwrap_or_default()));
    }
    lines.extend(referral.as_ref().map(|referral| format!("  {referral:?}")));
    lines.extend(forwarded.map(|forwarded| format!("  forwarded {forwarded:?}")));
    lines.extend(group.as_ref().map(|group| format!("  in the group {group:?}")));
    lines.extend(product.as_ref().map(|product| format!("  about {product:?}")));
    lines.extend(unsupported.as_ref().map(|what| format!("  unsupported {what:?}")));
    lines.extend(errors.iter().map(|error| format!("  {error:?}")));
    lines.extend(username.as_ref().map(|name| format!("  user name {name:?}")));
    lines.extend(parent_bsuid.as_ref().map(|id| format!("  parent bsuid {id:?}")));
    lines
}

#[test]
fn only_bodies_in_which_somebody_may_have_written_are_looked_into_at_the_door() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/webhook");
    let (mut with_words, mut passed_over) = (0, 0);
    for file in std::fs::read_dir(folder).unwrap() {
        let (path, reader) = (file.unwrap().path(), Reader::new(&[]));
        let body = std::fs::read(&path).unwrap();
        let news = reader.read(&body).unwrap_or_default();
        let changes_something = |news: &News| match news {
            // Nobody is named: nobody can be heard.
            News::Inbound(message) => message.text.is_some() && (message.phone.is_some() || message.bsuid.is_some()),
            News::Edit(_) => true,
            News::Person(person) => matches!(person.change, PersonChange::Marketing { .. }),
            _ => false,
        };
        let has_words = news.iter().any(changes_something);
        assert!(reader.may_hold_words(&body) || !has_words, "{}", path.display());
        with_words += usize::from(has_words);
        passed_over += usize::from(!reader.may_hold_words(&body));
    }
    assert!(with_words > 5 && passed_over > 5, "{with_words} and {passed_over}: this shows little");
}

/// How the names of those fixtures speak of which something cannot be read.
const SAY_THAT_THEY_ARE_BROKEN: [&str; 10] = [
    "bad",
    "cut_off",
    "not_json",
    "not_an_object",
    "none",
    "nulls",
    "without_id",
    "without_our_number",
    "dashboard_test",
    "empty",
];

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
            Ok(news) => {
                for one in &news {
                    let News::Other { kind } = one else { continue };
                    assert!(OTHER_KINDS.contains(kind), "{stem}: `{kind}` would be counted under no name");
                    let is_told = SAY_THAT_THEY_ARE_BROKEN.iter().any(|word| stem.contains(word));
                    assert!(*kind != UNREADABLE || is_told, "{stem}: an element was lost");
                }
                news.iter().map(shown).collect::<Vec<_>>().join("\n")
            }
            Err(because) => {
                assert!(SAY_THAT_THEY_ARE_BROKEN.iter().any(|word| stem.contains(word)), "{stem}: {because}");
                format!("refused: {because}")
            }
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
