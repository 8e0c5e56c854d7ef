//! The log of a whole life, from import to crash, at level `debug`: nobody is in it.

use barid::simulator::{ErrorShare, Faults, Latency, Millis, Span, Statuses};

use crate::harness::{Barid, Setup, TOKEN, people};

/// What people write in this test: nothing that could stand in a log for another reason.
const TEXTS: [&str; 4] =
    ["الخدمة ممتازة يا جماعة", "pistachio-velvet-harbour", "Quokkas ate my parcel \u{1f998}", "توقف"];

/// What contacts of the import are called, their notes, and what stands in rows that are refused.
const IMPORTED: &str = "phone,name,language,consent,note\n\
    +966555000111,Wilhelmina Quackenbush,en,survey,likes-marzipan-hedgehogs\n\
    0444-not-a-number,Bartholomew Fizzlewick,en,survey,refused-for-its-number\n\
    +966555000112,Ermintrude Gobblesworth,klingon,survey,refused-for-its-language\n\
    +966555000113,Philippa Snodgrass,ar,perhaps-tomorrow,refused-for-its-consent\n\
    +966555000114,Cornelius Widdershins,ar,survey,x,one-cell-too-many\n";

/// The simulator may leave any call without an answer.
const SETTLED_SOON: &str = "unknown_after = \"4s\"";

fn setup() -> Setup {
    let mut setup = Setup {
        mps: 150,
        unknown_after: "4s",
        more: "[delivery]\nlease = \"6s\"\nanswer_timeout = \"3s\"\nconnect_timeout = \"1s\"\n[queue]\nlease = \"2s\"\nsweep = \"1s\"\n\
               [log]\nlevel = \"debug\"\nformat = \"json\"\n"
            .to_owned(),
        ..Setup::default()
    };
    setup.simulator.latency = Latency { min: Millis::new(2), median: Millis::new(10), max: Millis::new(40) };
    setup.simulator.statuses = Statuses {
        sent_after: Span::millis(0, 100),
        delivered_after: Span::millis(0, 200),
        read_after: Span::millis(0, 200),
        undelivered_share: 0.05,
        ..Statuses::default()
    };
    setup.simulator.callbacks.redelivery = vec![Millis::new(100), Millis::new(200), Millis::new(500)];
    setup.simulator.faults = Faults {
        http_500: 0.02,
        http_503_html: 0.02,
        reset_before_accept: 0.02,
        reset_after_accept: 0.03,
        malformed_body: 0.03,
        errors: [131_026, 131_008, 130_429].map(|code| ErrorShare { code, share: 0.02 }).to_vec(),
        ..Faults::default()
    };
    setup
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_in_the_log_of_a_whole_life_at_level_debug() {
    let people = people(600);
    let mut said = vec![];
    let mut barid = Barid::start_with(setup(), &people).await;
    // An audience whose first row is a person, not a header; another with rows that are refused.
    let folder = barid.dir.path().join("jobs/campaigns");
    barid.write_campaign("headless", &[], SETTLED_SOON);
    std::fs::write(folder.join("headless.csv"), "+966555000115,Gwendolyn Thistlewood,en,survey\n").unwrap();
    barid.write_campaign("ragged", &[], SETTLED_SOON);
    std::fs::write(folder.join("ragged.csv"), IMPORTED).unwrap();
    std::fs::write(barid.dir.path().join("contacts.csv"), IMPORTED).unwrap();
    let contacts = barid.dir.path().join("contacts.csv").display().to_string();
    let imported = barid.run(&["contacts", "import", &contacts]);
    assert_eq!(imported.status.code(), Some(65), "some rows are refused: {imported:?}");
    said.extend([imported.stdout, imported.stderr]);

    let run = barid.run(&["campaign", "start", "survey"]);
    assert!(run.status.success(), "{run:?}");
    let told = |barid: &Barid| barid.simulator.counts().accepted;
    super::wait_until("the first messages", || told(&barid) > 100).await;
    let row = barid.simulator.ledger().into_iter().next().expect("somebody was told");
    barid.simulator_answers(&row.to, TEXTS[0], &row.wamid).await;
    barid.simulator_says(&people[1].phone, TEXTS[1]).await;
    barid.simulator_says(&people[2].phone, TEXTS[2]).await;
    barid.simulator_says(&people[599].phone, TEXTS[3]).await;
    // Signed and yet not as it should be: text and number stand where neither belongs.
    for body in [
        format!(r#"{{"object":"whatsapp_business_account","entry":"{} {}""#, TEXTS[1], people[3].phone),
        format!(r#"{{"object":"whatsapp_business_account","entry":[{{"changes":"{}"}}]}}"#, TEXTS[1]),
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"phone_number_id":"1"}},"messages":[{{"from":{{"a":"{}"}},"id":7,"type":"text","text":"{}"}}]}}}}]}}]}}"#,
            people[3].phone, TEXTS[1]
        ),
    ] {
        assert_eq!(super::door::post(&barid, body.into_bytes()).await, 200);
    }
    barid.kill();
    barid.start().await;
    for name in ["headless", "ragged"] {
        barid.start_campaign(name).await;
    }
    barid.settle("survey").await;
    barid.settle("ragged").await;
    assert!(barid.stop().await);

    let faults = barid.simulator.counts();
    for fault in ["reset_after_accept", "malformed_body", "http_500"] {
        assert!(faults.faults.get(fault).copied().unwrap_or(0) > 0, "{fault} did happen: {:?}", faults.faults);
    }
    let mut log = barid.log();
    assert!(log.contains("DEBUG") && log.contains("the provider refused the message"), "the log says much");
    log.push_str(&std::fs::read_to_string(barid.dir.path().join("state/redis/redis.log")).unwrap());
    for output in said {
        log.push_str(&String::from_utf8_lossy(&output));
    }
    // As JSON may write it, too.
    let unescaped = log.replace("\\u", "");
    let settings = barid.simulator.settings();
    let mut secret: Vec<String> = TEXTS.iter().chain(&["Zephyrine", TOKEN]).map(|text| (*text).to_owned()).collect();
    secret.extend([&settings.token, &settings.app_secret, &settings.verify_token].map(Clone::clone));
    secret.extend(people.iter().map(|person| person.phone[1..].to_owned()));
    secret.extend((111..=115).map(|n| format!("966555000{n}")));
    for word in ["0444-not", "Quackenbush", "Fizzlewick", "Gobblesworth", "Snodgrass", "Widdershins", "Thistlewood"] {
        secret.push(word.to_owned());
    }
    for word in ["hedgehogs", "refused-for", "klingon", "perhaps-tomorrow", "one-cell-too-many"] {
        secret.push(word.to_owned());
    }
    // Meta's ids hold the number of the other side, in base64.
    secret.push("wamid.".to_owned());
    let leaks: Vec<&str> = log
        .lines()
        .chain(unescaped.lines())
        .filter(|line| secret.iter().any(|secret| line.contains(secret.as_str())))
        .take(20)
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}
