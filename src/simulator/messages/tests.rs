//! The table of what is taken and what is refused, and the limits, without HTTP.

use serde_json::{Value, json};

use super::super::callbacks::{Event, Inbound, Said};
use super::super::clock::Clock;
use super::super::ledger::Status;
use super::super::people::user_id;
use super::super::settings::{
    Button, Customers, Faults, Header, HeaderFormat, Latency, Number, Portfolio, Settings, Statuses, TemplateStatus,
};
use super::*;

fn template(name: &str, body: &str) -> Template {
    Template::approved(name, "en", Category::Utility, body)
}

fn settings() -> Settings {
    let mut rich = template("rich", "Hi {{1}}, {{2}}");
    rich.header = Some(Header { format: HeaderFormat::Image, text: None });
    rich.buttons = vec![
        Button::quick_reply("Help"),
        Button::url("Track", "https://example.org/t/{{1}}"),
        Button::url("Home", "https://example.org"),
    ];
    let mut paused = template("paused", "x");
    paused.status = TemplateStatus::Paused;
    let mut pending = template("pending", "x");
    pending.status = TemplateStatus::Pending;
    Settings {
        latency: Latency::NONE,
        statuses: Statuses::prompt(),
        customers: Customers::silent(),
        numbers: vec![Number { throughput: 0, ..Number::default() }],
        templates: vec![
            template("plain", "Hello there"),
            template("named", "Hi {{first_name}}"),
            rich,
            paused,
            pending,
        ],
        ..Settings::default()
    }
}

fn world(settings: Settings) -> World {
    settings.check().unwrap();
    let timeout = settings.callbacks.timeout;
    let client = crate::simulator::webhook::client(timeout, 1).unwrap();
    World::new(settings, Clock::from_system(), "http://127.0.0.1:1".into(), client)
}

fn answer(world: &World, body: &Value) -> (u16, Value) {
    match receive(world, 0, body.to_string().as_bytes()).reply {
        Reply::Json(status, body) | Reply::Exhausted(status, body) => (status, serde_json::from_slice(&body).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn code(world: &World, body: &Value) -> u64 {
    answer(world, body).1["error"]["code"].as_u64().unwrap_or(0)
}

/// A message to the usual person with these members instead of or besides the usual ones.
fn with(members: Value) -> Value {
    let mut body =
        json!({"messaging_product": "whatsapp", "to": "+966500000101", "type": "text", "text": {"body": "Hi"}});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    if members.get("type").is_some() && members.get("text").is_none() {
        body.as_object_mut().unwrap().remove("text");
    }
    body
}

fn filled(name: &str, components: Value) -> Value {
    with(json!({"type": "template", "template": {"name": name, "language": {"code": "en"}, "components": components}}))
}

fn texts(values: &[&str]) -> Value {
    values.iter().map(|value| json!({"type": "text", "text": value})).collect()
}

fn open_window(world: &World, digits: u64) {
    let said = Said::Text("hello".into());
    let mut inbound =
        Inbound { number: 0, digits, hidden: false, at_ms: 0, id: "wamid.in".into(), context: None, said };
    world.hear(&mut inbound, world.clock.millis());
}

/// What the schedule holds, in the order of telling.
fn told(world: &World) -> Vec<Event> {
    let mut due = Vec::new();
    world.schedule.take_due(i64::MAX, usize::MAX, &mut due);
    due
}

fn statuses(events: &[Event]) -> Vec<Status> {
    events
        .iter()
        .filter_map(|event| if let Event::Status { status, .. } = event { Some(*status) } else { None })
        .collect()
}

#[test]
fn calls_are_taken_or_refused_with_metas_codes() {
    let world = world(settings());
    let long = |length: usize| "x".repeat(length);
    let rich = |body: &[&str], buttons: Value| {
        let image = json!({"type": "image", "image": {"link": "https://example.org/a.png"}});
        let mut parts =
            vec![json!({"type": "header", "parameters": [image]}), json!({"type": "body", "parameters": texts(body)})];
        parts.extend(buttons.as_array().unwrap().iter().cloned());
        filled("rich", Value::Array(parts))
    };
    let track =
        json!({"type": "button", "sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "P-1"}]});
    let help = json!({"type": "button", "sub_type": "QUICK_REPLY", "index": 0, "parameters": [{"type": "payload", "payload": "HELP"}]});
    let button = |id: &str, title: &str| json!({"type": "reply", "reply": {"id": id, "title": title}});
    let interactive = |interactive: Value| with(json!({"type": "interactive", "interactive": interactive}));
    let buttons =
        |buttons: Value| interactive(json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": buttons}}));
    let list = |sections: Value| {
        interactive(json!({"type": "list", "body": {"text": "?"}, "action": {"button": "Slots", "sections": sections}}))
    };
    let rows = |count: usize| (0..count).map(|n| json!({"id": n.to_string(), "title": "t"})).collect::<Value>();
    let named = |parameter: Value| filled("named", json!([{"type": "body", "parameters": [parameter]}]));
    let cases = [
        // The envelope.
        ("text", with(json!({})), 0),
        ("spaces and brackets in the number", with(json!({"to": "+966 (50) 000-0101"})), 0),
        ("nobody", with(json!({"to": ""})), 131_008),
        ("letters in the number", with(json!({"to": "+9665abc"})), 131_009),
        ("number too long", with(json!({"to": "+9665000001011234"})), 131_009),
        ("to itself", with(json!({"to": "+15550100001"})), 131_021),
        ("no product", json!({"to": "+966500000101", "text": {"body": "x"}}), 100),
        ("other product", with(json!({"messaging_product": "sms"})), 100),
        ("unknown type", with(json!({"type": "poll"})), 100),
        ("type without its object", with(json!({"type": "image"})), 131_008),
        ("misspelt member", with(json!({"biz_opaque_calback_data": "x"})), 100),
        ("opaque data at its limit", with(json!({"biz_opaque_callback_data": long(512)})), 0),
        ("opaque data too long", with(json!({"biz_opaque_callback_data": long(513)})), 100),
        ("reply", with(json!({"context": {"message_id": "wamid.abc"}})), 0),
        ("reply to no message", with(json!({"context": {"message_id": "abc"}})), 131_009),
        ("a person by id", with(json!({"to": null, "recipient": user_id(966_500_000_101)})), 0),
        ("a made-up id", with(json!({"to": null, "recipient": "SA.x"})), 131_009),
        // Text.
        ("empty text", with(json!({"text": {"body": ""}})), 131_008),
        ("text at its limit", with(json!({"text": {"body": "ش".repeat(4096)}})), 0),
        ("text too long", with(json!({"text": {"body": long(4097)}})), 100),
        ("text of the wrong kind", with(json!({"text": {"body": ["x"]}})), 100),
        // Media.
        ("image by link", with(json!({"type": "image", "image": {"link": "https://example.org/a.png", "caption": "c"}})), 0),
        ("image by id and link", with(json!({"type": "image", "image": {"id": "1", "link": "https://example.org"}})), 100),
        ("image by nothing", with(json!({"type": "image", "image": {}})), 131_008),
        ("image by a bad link", with(json!({"type": "image", "image": {"link": "a.png"}})), 100),
        ("caption too long", with(json!({"type": "image", "image": {"link": "https://e.org", "caption": long(1025)}})), 100),
        ("caption on a sticker", with(json!({"type": "sticker", "sticker": {"link": "https://e.org", "caption": "c"}})), 100),
        ("file name of a document", with(json!({"type": "document", "document": {"id": "1", "filename": "a.pdf"}})), 0),
        ("file name of an image", with(json!({"type": "image", "image": {"id": "1", "filename": "a.png"}})), 100),
        ("voice", with(json!({"type": "audio", "audio": {"id": "1", "voice": true}})), 0),
        // Others.
        ("place", with(json!({"type": "location", "location": {"latitude": 24.7, "longitude": "46.6"}})), 0),
        ("no such place", with(json!({"type": "location", "location": {"latitude": "97", "longitude": "46.6"}})), 131_009),
        ("card", with(json!({"type": "contacts", "contacts": [{"name": {"formatted_name": "N"}, "phones": []}]})), 0),
        ("card without a name", with(json!({"type": "contacts", "contacts": [{"name": {}}]})), 131_008),
        ("reaction", with(json!({"type": "reaction", "reaction": {"message_id": "wamid.a", "emoji": ""}})), 0),
        ("reaction to nothing", with(json!({"type": "reaction", "reaction": {"emoji": "x"}})), 131_008),
        ("read", json!({"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.a"}), 0),
        ("read of nothing", json!({"messaging_product": "whatsapp", "status": "read"}), 131_009),
        ("unread", json!({"messaging_product": "whatsapp", "status": "unread", "message_id": "wamid.a"}), 100),
        // Interactive.
        ("three buttons", buttons(json!([button("a", "A"), button("b", "B"), button("c", "C")])), 0),
        ("four buttons", buttons(json!([button("a", "A"), button("b", "B"), button("c", "C"), button("d", "D")])), 131_009),
        ("same id twice", buttons(json!([button("a", "A"), button("a", "B")])), 131_009),
        ("same title twice", buttons(json!([button("a", "A"), button("b", "A")])), 131_009),
        ("title too long", buttons(json!([button("a", &long(21))])), 100),
        ("ten rows", list(json!([{"rows": rows(10)}])), 0),
        ("eleven rows", list(json!([{"title": "1", "rows": rows(10)}, {"title": "2", "rows": [{"id": "x", "title": "t"}]}])), 131_009),
        ("sections without title", list(json!([{"rows": rows(1)}, {"rows": [{"id": "x", "title": "t"}]}])), 131_008),
        (
            "link button",
            interactive(json!({"type": "cta_url", "body": {"text": "?"}, "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://e.org"}}})),
            0,
        ),
        (
            "footer too long",
            interactive(json!({"type": "button", "body": {"text": "?"}, "footer": {"text": long(61)}, "action": {"buttons": [button("a", "A")]}})),
            100,
        ),
        // Templates.
        ("plain template", filled("plain", json!([])), 0),
        ("unknown template", filled("nowhere", json!([])), 132_001),
        ("not approved", filled("pending", json!([])), 132_001),
        ("paused", filled("paused", json!([])), 132_015),
        (
            "unknown language",
            with(json!({"type": "template", "template": {"name": "plain", "language": {"code": "ar"}}})),
            132_001,
        ),
        ("no language", with(json!({"type": "template", "template": {"name": "plain"}})), 131_008),
        ("parameters for none", filled("plain", json!([{"type": "body", "parameters": texts(&["x"])}])), 132_000),
        ("all parts", rich(&["a", "b"], json!([track, help])), 0),
        ("one too few", rich(&["a"], json!([track])), 132_000),
        ("one too many", rich(&["a", "b", "c"], json!([track])), 132_000),
        ("empty parameter", rich(&["a", ""], json!([track])), 131_008),
        ("new line in a parameter", rich(&["a", "b\nc"], json!([track])), 132_018),
        ("tab in a parameter", rich(&["a", "b\tc"], json!([track])), 132_018),
        ("four spaces in a parameter", rich(&["a", "b    c"], json!([track])), 0),
        ("five spaces in a parameter", rich(&["a", "b     c"], json!([track])), 132_018),
        ("rendered too long", rich(&["a", &long(1020)], json!([track])), 132_005),
        ("no end for the link", rich(&["a", "b"], json!([])), 131_008),
        ("no such button", rich(&["a", "b"], json!([track, {"type": "button", "sub_type": "url", "index": "3", "parameters": texts(&["x"])}])), 132_018),
        ("button of another kind", rich(&["a", "b"], json!([{"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": []}])), 132_012),
        ("end for a fixed link", rich(&["a", "b"], json!([track, {"type": "button", "sub_type": "url", "index": "2", "parameters": texts(&["x"])}])), 132_018),
        ("no header", filled("rich", json!([{"type": "body", "parameters": texts(&["a", "b"])}, track])), 132_000),
        (
            "header of another kind",
            filled("rich", json!([{"type": "header", "parameters": texts(&["x"])}, {"type": "body", "parameters": texts(&["a", "b"])}, track])),
            132_012,
        ),
        ("named", named(json!({"type": "text", "parameter_name": "first_name", "text": "N"})), 0),
        ("name missing", named(json!({"type": "text", "text": "N"})), 132_012),
        ("name wrong", named(json!({"type": "text", "parameter_name": "name", "text": "N"})), 132_012),
        (
            "name where numbers are",
            rich(&["a"], json!([track])).as_object().map_or(Value::Null, |_| {
                let parameters = json!([{"type": "text", "parameter_name": "x", "text": "a"}, {"type": "text", "text": "b"}]);
                let image = json!({"type": "image", "image": {"link": "https://example.org/a.png"}});
                filled("rich", json!([{"type": "header", "parameters": [image]}, {"type": "body", "parameters": parameters}, track]))
            }),
            132_012,
        ),
    ];
    for (what, body, expected) in cases {
        let (status, answered) = answer(&world, &body);
        let code = answered["error"]["code"].as_u64().unwrap_or(0);
        assert_eq!(code, expected, "{what}: {status} {answered}");
        let http = match expected {
            0 => 200,
            132_001 => 404,
            _ => 400,
        };
        assert_eq!(status, http, "{what}: {answered}");
    }
}

#[test]
fn what_is_not_json_is_refused_and_counted() {
    let world = world(settings());
    for body in ["", "{", "[1,2]", "null", "\"x\"", "{\"to\":"] {
        match receive(&world, 0, body.as_bytes()).reply {
            Reply::Json(400, answer) => assert!(String::from_utf8_lossy(&answer).contains("\"code\":100"), "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    assert_eq!(world.counts().refused[&100], 6);
    assert_eq!(world.counts().accepted, 0);
}

#[test]
fn an_accepted_message_is_answered_in_metas_shape_and_stands_in_the_ledger() {
    let world = world(settings());
    let body = filled(
        "named",
        json!([{"type": "body", "parameters": [{"type": "text", "parameter_name": "first_name", "text": "نورة"}]}]),
    );
    let mut body = body;
    body["biz_opaque_callback_data"] = json!("barid:k7q2:msg_00000001:1");
    let (status, answered) = answer(&world, &body);
    assert_eq!(status, 200);
    assert_eq!(answered["contacts"], json!([{"input": "+966500000101", "wa_id": "966500000101"}]));
    assert_eq!(answered["messages"][0]["message_status"], "accepted");
    let row = world.show(&world.ledger.page(0, 10)[0]);
    assert_eq!(answered["messages"][0]["id"], row.wamid.as_str());
    assert_eq!(row.to, "+966500000101");
    assert_eq!((row.template.as_deref(), row.language.as_deref()), (Some("named"), Some("en")));
    assert_eq!(row.parameters, ["نورة"]);
    assert_eq!(row.biz_opaque_callback_data.as_deref(), Some("barid:k7q2:msg_00000001:1"));
}

#[test]
fn without_a_plus_the_calling_code_of_the_business_is_put_in_front() {
    let world = world(settings());
    let (_, answered) = answer(&world, &with(json!({"to": "6315551234"})));
    assert_eq!(answered["contacts"][0]["wa_id"], "16315551234");
}

#[test]
fn free_text_fails_late_outside_the_window_and_goes_through_inside() {
    let world = world(settings());
    assert_eq!(code(&world, &with(json!({}))), 0);
    assert_eq!(world.ledger.page(0, 1)[0].failed_code, 131_047);
    assert_eq!(statuses(&told(&world)), [Status::Failed]);
    open_window(&world, 966_500_000_101);
    assert_eq!(code(&world, &with(json!({}))), 0);
    assert_eq!(statuses(&told(&world)), [Status::Sent, Status::Delivered, Status::Read]);
    let strict = Settings { outside_window: OutsideWindow::Refuse, ..settings() };
    assert_eq!(code(&self::world(strict), &with(json!({}))), 131_047);
}

#[test]
fn throughput_pair_and_tier_refuse_with_their_codes() {
    let slow = Settings { numbers: vec![Number { throughput: 3, ..Number::default() }], ..settings() };
    let world_of_three = world(slow);
    let codes: Vec<u64> =
        (0..5).map(|n| code(&world_of_three, &with(json!({"to": format!("+96650000010{n}")})))).collect();
    assert_eq!(codes, [0, 0, 0, 130_429, 130_429]);
    assert_eq!(world_of_three.counts().numbers["900000000000001"].peak_per_second, 5);

    let pairs = world(settings());
    let codes: Vec<u64> = (0..50).map(|_| code(&pairs, &filled("plain", json!([])))).collect();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 45);
    assert!(codes[45..].iter().all(|code| *code == 131_056));
    assert_eq!(code(&pairs, &with(json!({"to": "+966500000102"}))), 0, "other people are not affected");

    let portfolio = Portfolio { id: Number::default().portfolio, limit: 2 };
    let tier = world(Settings { portfolios: vec![portfolio], ..settings() });
    let to = |n: u32| {
        let mut body = filled("plain", json!([]));
        body["to"] = json!(format!("+96650000010{n}"));
        body
    };
    assert_eq!([1, 2, 1, 3].map(|n| code(&tier, &to(n))), [0, 0, 0, 131_048]);
    open_window(&tier, 966_500_000_103);
    assert_eq!(code(&tier, &to(3)), 0, "inside the window it does not count");
}

#[test]
fn endings_of_numbers_ask_for_their_fate() {
    let world = world(settings());
    let send = |to: &str| {
        let mut body = filled("plain", json!([]));
        body["to"] = json!(to);
        let answer = receive(&world, 0, body.to_string().as_bytes());
        (answer.reply, statuses(&told(&world)))
    };
    let all = [Status::Sent, Status::Delivered, Status::Read];
    let code = |reply: &Reply| match reply {
        Reply::Json(status, body) | Reply::Exhausted(status, body) => (
            *status,
            serde_json::from_slice::<Value>(body).map_or(1, |body| body["error"]["code"].as_u64().unwrap_or(0)),
        ),
        Reply::Html(status, _) => (*status, 2),
        Reply::HangUp => (0, 3),
    };
    for (ending, expected, told) in [
        ("9000", (500, 131_000), &[][..]),
        ("9001", (0, 3), &all[..]),
        ("9002", (0, 3), &[]),
        ("9003", (0, 3), &all),
        ("9005", (503, 2), &[]),
        ("9006", (503, 2), &all),
        ("9007", (200, 1), &all),
        ("9010", (500, 131_000), &[]),
        ("9010", (200, 0), &all),
        ("9020", (200, 0), &[]),
        ("9021", (200, 0), &all[..1]),
        ("9022", (200, 0), &all[..2]),
        ("9026", (200, 0), &[Status::Failed]),
        ("9130", (400, 130_429), &[]),
        ("9056", (400, 131_056), &[]),
        ("9190", (401, 190), &[]),
    ] {
        let (reply, statuses) = send(&format!("+96650000{ending}"));
        assert_eq!(code(&reply), expected, "{ending}");
        assert_eq!(statuses, told, "{ending}");
    }
    let accepted = world.counts().accepted;
    assert_eq!(accepted, world.ledger.page(0, 100).len() as u64);
    assert_eq!(accepted, 9);
}

#[test]
fn marketing_is_held_back_as_meta_holds_it_back() {
    let mut marketing = template("offer", "Now");
    marketing.category = Category::Marketing;
    let mut settings = settings();
    settings.templates.push(marketing);
    let world = world(settings);
    let send = |to: &str| {
        let mut body = filled("offer", json!([]));
        body["to"] = json!(to);
        assert_eq!(code(&world, &body), 0);
        world.ledger.page(world.counts().accepted - 1, 1)[0].failed_code
    };
    assert_eq!(send("+966500000101"), 0);
    assert_eq!(send("+12125550100"), 131_049, "no marketing to the USA");
    let said = Said::Preference { stop: true };
    let mut stop =
        Inbound { number: 0, digits: 966_500_000_101, hidden: false, at_ms: 0, id: "w".into(), context: None, said };
    world.hear(&mut stop, world.clock.millis());
    assert_eq!(send("+966500000101"), 131_050);
}

#[test]
fn shares_of_faults_are_met_and_what_they_accept_is_in_the_ledger() {
    let faults = Faults { http_500: 0.25, reset_after_accept: 0.25, ..Faults::default() };
    let world = world(Settings { faults, builtin_suffixes: false, ..settings() });
    for n in 0..2_000 {
        let mut body = filled("plain", json!([]));
        body["to"] = json!(format!("+9665000{n:05}"));
        receive(&world, 0, body.to_string().as_bytes());
    }
    let counts = world.counts();
    let (refused, reset) = (counts.faults["http_500"], counts.faults["reset_after_accept"]);
    assert!((400..600).contains(&refused) && (400..600).contains(&reset), "{counts:?}");
    assert_eq!(counts.accepted, 2_000 - refused);
    assert_eq!(counts.calls, 2_000);
}

#[test]
fn statuses_are_repeated_and_swapped_by_share_and_prices_are_told_twice() {
    let statuses = Statuses { duplicate_share: 1.0, ..Statuses::prompt() };
    let world_of_twins = world(Settings { statuses, ..settings() });
    assert_eq!(code(&world_of_twins, &filled("plain", json!([]))), 0);
    assert_eq!(told(&world_of_twins).len(), 6);

    let statuses = Statuses { reorder_share: 1.0, ..Statuses::prompt() };
    let upside_down = world(Settings { statuses, ..settings() });
    assert_eq!(code(&upside_down, &filled("plain", json!([]))), 0);
    let events = told(&upside_down);
    assert_eq!(self::statuses(&events), [Status::Sent, Status::Read, Status::Delivered]);

    let statuses = Statuses { skip_delivered_share: 1.0, ..Statuses::prompt() };
    let skipping = world(Settings { statuses, ..settings() });
    assert_eq!(code(&skipping, &filled("plain", json!([]))), 0);
    let priced = told(&skipping).iter().filter(|event| matches!(event, Event::Status { priced: true, .. })).count();
    assert_eq!(priced, 2, "`sent`, and `read` in place of `delivered`");
}

#[test]
fn paced_messages_are_held_and_then_sent_or_thrown_away() {
    for (dropped, expected) in [(0.0, &[Status::Sent, Status::Delivered, Status::Read][..]), (1.0, &[Status::Failed])] {
        let statuses = Statuses { paced_share: 1.0, paced_dropped_share: dropped, ..Statuses::prompt() };
        let world = world(Settings { statuses, ..settings() });
        let (_, answered) = answer(&world, &filled("plain", json!([])));
        assert_eq!(answered["messages"][0]["message_status"], "held_for_quality_assessment");
        assert_eq!(self::statuses(&told(&world)), expected);
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let statuses = Statuses { duplicate_share: 0.3, reorder_share: 0.3, read_share: 0.5, ..Statuses::default() };
        let customers = Customers { reply_share: 0.5, ..Customers::default() };
        let world = world(Settings { seed, statuses, customers, builtin_suffixes: false, ..settings() });
        for n in 0..200 {
            let mut body = filled("plain", json!([]));
            body["to"] = json!(format!("+9665000{n:05}"));
            assert_eq!(code(&world, &body), 0);
        }
        let tell = |event: Event| match event {
            Event::Status { row, status, .. } => format!("{} {}", row.digits, status.name()),
            Event::Inbound(inbound) => format!("{} {:?}", inbound.digits, inbound.said),
            Event::Change { .. } => String::new(),
        };
        let mut story: Vec<String> = told(&world).into_iter().map(tell).collect();
        // The order depends on the millisecond in which each call came.
        story.sort();
        story
    };
    assert_eq!(story(5), story(5));
    assert_ne!(story(5), story(6));
}

#[test]
fn a_call_that_meta_would_answer_slowly_waits() {
    let world = world(Settings { latency: Latency::default(), ..settings() });
    let answer = receive(&world, 0, filled("plain", json!([])).to_string().as_bytes());
    assert!((50..=800).contains(&answer.after_ms), "{}", answer.after_ms);
}
