//! What is fed: one test for each reader.

use barid::config::campaigns::{CampaignContext, CampaignFiles};
use barid::config::templates::Templates;
use barid::config::{Config, Environment};
use barid::domain::country::CountryCode;
use barid::domain::news::{Extras, InboundNews, News, ProviderStatus};
use barid::domain::phone_number::PhoneNumber;
use barid::fallback::twilio_callbacks::{InboundReader, StatusReader};
use barid::ports::{NewsReader, WebhookReader as _};
use barid::whatsapp::Reader;
use rand::Rng as _;

use super::feed;
use super::mutate::Corpus;
use crate::contracts::at;

/// Whatever comes out may be so many times as large as what went in, and this much.
const GROWTH_MAX: usize = 4;
const SMALL: usize = 4 << 10;

fn assert_in_proportion(input: &[u8], output: usize) {
    let most = input.len() * GROWTH_MAX + SMALL;
    assert!(output <= most, "{output} bytes came out of {}", input.len());
}

fn texts<const N: usize>(texts: [&Option<String>; N]) -> usize {
    texts.into_iter().flatten().map(String::len).sum()
}

fn weight_of_message(message: &InboundNews) -> usize {
    let Extras {
        media,
        location,
        cards,
        order,
        form,
        referral,
        group,
        product,
        unsupported,
        errors,
        username,
        parent_bsuid,
        ..
    } = &message.extras;
    let mut weight = texts([
        &message.phone,
        &message.bsuid,
        &message.profile_name,
        &message.text,
        &message.payload,
        group,
        unsupported,
        username,
        parent_bsuid,
    ]);
    weight += media.iter().map(|it| texts([&it.id, &it.mime_type, &it.sha256, &it.filename, &it.url])).sum::<usize>();
    weight += location.iter().map(|it| texts([&it.name, &it.address, &it.url])).sum::<usize>();
    for card in cards {
        weight += texts([&card.name, &card.origin]);
        weight += card.phones.iter().map(|it| 8 + texts([&it.phone, &it.wa_id, &it.kind])).sum::<usize>();
    }
    weight += order.iter().flat_map(|it| &it.items).map(|it| 8 + texts([&it.product])).sum::<usize>();
    weight += form.iter().map(|it| it.answers.as_ref().map_or(0, |answers| answers.to_string().len())).sum::<usize>();
    weight += referral.iter().map(|it| texts([&it.headline, &it.body, &it.source_url, &it.media_url])).sum::<usize>();
    weight += product.iter().map(|it| texts([&it.catalogue, &it.product])).sum::<usize>();
    weight + errors.iter().map(|error| 8 + error.details.len()).sum::<usize>()
}

/// About how much memory a piece of news holds beside itself.
fn weight(news: &News) -> usize {
    match news {
        News::Inbound(message) => weight_of_message(message),
        News::Edit(edit) => weight_of_message(&edit.message),
        News::Person(person) => texts([&person.phone, &person.bsuid]),
        News::Status(status) => match &status.status {
            ProviderStatus::Failed(refusal) => refusal.details.len(),
            _ => 0,
        },
        News::Notice(notice) => texts([&notice.account]),
        News::Revoke(_) | News::Other { .. } => 0,
    }
}

/// Reads, and looks at what came out: also through `Debug`, which must not panic either.
fn assert_read_well(input: &[u8], read: Result<Vec<News>, String>) {
    match read {
        Ok(news) => {
            // The smallest element of a list is two characters and a comma.
            assert!(news.len() <= input.len() / 2 + 1, "{} pieces of news", news.len());
            assert_in_proportion(input, news.iter().map(weight).sum());
            // Ids of messages are shown; in a mutation anything may stand in their place.
            let of_people = news.iter().filter(|news| matches!(news, News::Inbound(_) | News::Person(_)));
            for news in of_people {
                assert!(!format!("{news:?}").contains("966500000101"), "nobody's number is shown");
            }
        }
        Err(because) => assert!(because.len() < 200 && !because.contains("966500000101"), "{because}"),
    }
}

fn webhook_bodies() -> Corpus {
    Corpus::of_folder("tests/fixtures/webhook", "json")
}

#[test]
fn callbacks_of_meta() {
    let reader = Reader::new(&["demo-app-secret".into()]);
    feed(&webhook_bodies(), 1, |body, _| {
        reader.may_hold_words(body);
        assert_read_well(body, reader.read(body));
    });
}

#[test]
fn what_is_heard_at_the_door_is_never_missed() {
    let reader = Reader::new(&[]);
    feed(&webhook_bodies(), 1, |body, _| {
        let has_words = |news: &News| matches!(news, News::Inbound(_) | News::Edit(_));
        // A name of a member that is written in escapes is no way in which Meta writes.
        if !body.contains(&b'\\') && reader.read(body).is_ok_and(|news| news.iter().any(has_words)) {
            let names_a_writer = reader.read(body).unwrap().iter().any(|news| match news {
                News::Inbound(message) => message.phone.is_some(),
                _ => false,
            });
            assert!(reader.may_hold_words(body) || !names_a_writer);
        }
    });
}

#[test]
fn signatures() {
    let reader = Reader::new(&["demo-app-secret".into(), "another".into()]);
    let headers = Corpus::of(&[
        "sha256=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0881905fd80cd5ed22948c1da",
        "sha1=93dbbcad8cb6731218308e4a8bbf9f77acd75fb0",
        "sha256=",
        "",
    ]);
    feed(&headers, 1, |header, _| {
        let Ok(header) = std::str::from_utf8(header) else { return };
        assert!(!reader.signature_is_valid(Some(header), b"nobody signed this"), "{header}");
    });
}

#[test]
fn phone_numbers() {
    let numbers = Corpus::of(&[
        "+966500000101",
        "00966 50 000 0101",
        "0500000101",
        "٠٥٠٠٠٠٠١٠١",
        "(050) 000-0101",
        "9.66500000101E+11",
        "+1 555-010-0001",
        "tel:+966-50-000-0101;ext=5",
        "\u{202a}+966500000101\u{202c}",
        "966500000101",
    ]);
    let countries: [Option<CountryCode>; 3] = [None, "SA".parse().ok(), "EG".parse().ok()];
    feed(&numbers, 2, |text, random| {
        let text = String::from_utf8_lossy(text);
        if let Ok(number) = PhoneNumber::parse(&text, countries[random.random_range(0..countries.len())]) {
            let again = PhoneNumber::from_e164(number.e164()).unwrap();
            assert_eq!(again, number);
            assert!(number.e164().len() <= 16 && !format!("{number} {number:?}").contains(number.e164()));
        }
        let _ = PhoneNumber::from_e164(&text).map(|number| number.country());
    });
}

#[test]
fn forms_of_twilio_and_returned_mail() {
    let forms = Corpus::of(&[
        "MessageSid=SM1&From=%2B966500000101&To=%2B15550100001&Body=%D9%82%D9%81&NumMedia=0",
        "MessageSid=SM2&From=whatsapp%3A%2B966500000101&ProfileName=Nadia&NumMedia=1&MediaUrl0=https%3A%2F%2Fx%2F1&MediaContentType0=image%2Fjpeg",
        "MessageSid=SM3&From=whatsapp%3ASA.0123&Latitude=24.7&Longitude=46.6&Label=Depot&Address=King+Rd",
        "MessageSid=SM4&From=%2B966500000101&Body=arret&OptOutType=STOP&ButtonPayload=x&OriginalRepliedMessageSid=SM0",
        "reference=barid:k7q2:msg_0000002d:1\nMessageSid=SM00000000000000000000000000000001&MessageStatus=undelivered&ErrorCode=30003",
        "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
         Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; n@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n",
    ]);
    let readers: [&dyn NewsReader; 2] = [&InboundReader, &StatusReader];
    feed(&forms, 2, |form, _| {
        for reader in readers {
            assert_read_well(form, reader.read(form, at(0)));
        }
    });
}

#[test]
fn configuration_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("barid.toml");
    let files = Corpus::of_folder("tests/fixtures/config", "toml").and(Corpus::of_folder("config", "toml"));
    feed(&files, 40, |text, _| {
        std::fs::write(&path, text).unwrap();
        if let Err(errors) = Config::load(Some(&path), &Environment::default()) {
            let said = errors.to_string();
            // A line for each mistake; every one of them quotes little.
            assert!(said.len() <= text.len() * 60 + SMALL, "{} bytes about {}", said.len(), text.len());
        }
    });
}

#[test]
fn campaign_files() {
    let environment = [("WHATSAPP_PHONE_NUMBER_ID", "900000000000001")].into_iter().collect();
    let config = Config::load(None, &environment).unwrap();
    let (templates, errors) = Templates::load(std::path::Path::new("templates"), &config.brand);
    assert_eq!(errors, []);
    let context = CampaignContext::new(&config, &templates);
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy("tests/fixtures/campaigns/people.csv", folder.path().join("people.csv")).unwrap();
    let files = Corpus::of_folder("tests/fixtures/campaigns", "toml");
    feed(&files, 40, |text, _| {
        std::fs::write(folder.path().join("survey.toml"), text).unwrap();
        let (campaigns, errors) = CampaignFiles::load(folder.path(), &context);
        assert_eq!(campaigns.len() + errors.len(), 1, "it is taken, or refused by name");
        let said: usize = errors.iter().map(|error| error.to_string().len()).sum();
        assert!(said <= text.len() * 60 + SMALL, "{said} bytes about {}", text.len());
    });
}
