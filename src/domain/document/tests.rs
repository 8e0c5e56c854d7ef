use std::time::Duration;

use super::*;

fn problems_of(text: &str, read: impl FnOnce(&Table<'_>)) -> Vec<String> {
    let node = Node::parse("f.toml", text).unwrap();
    let ((), problems, _) = Table::read_document(&node, read);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn everything_wrong_is_told_at_once_with_its_line() {
    let problems = problems_of("port = \"x\"\nlisen = 1\n[a]\nwait = 5\nbad = [1]\n", |table| {
        let _: Option<u32> = table.required("port");
        let _: Option<String> = table.optional("listen");
        let _: Option<String> = table.required("name");
        table.table("a", |a| {
            let _: Option<Duration> = a.required("wait");
            let _: Option<Vec<String>> = a.required("bad");
        });
    });
    assert_eq!(
        problems,
        [
            "f.toml:1: `port` must be a whole number, not a text",
            "f.toml: `name` is missing",
            "f.toml:4: `wait` is 5 of what? Say the unit, as in `\"5s\"`",
            "f.toml:5: `bad` holds something that must be a text in quotes, not a whole number",
            "f.toml:2: unknown key `lisen`; did you mean `listen`?",
        ]
    );
}

#[test]
fn every_mistake_of_notation_is_told_with_its_line() {
    let problems = Node::parse("f.toml", "a = \nb = 1\nc = \"x\n").unwrap_err();
    let lines: Vec<String> = problems.iter().map(|problem| problem.place.to_string()).collect();
    assert_eq!(lines, ["f.toml:1", "f.toml:3"], "{problems:?}");
}

#[test]
fn what_is_laid_on_top_wins_key_by_key_and_lists_are_replaced() {
    let mut under = Node::parse("a.toml", "x = 1\nlist = [1, 2]\n[t]\na = 1\nb = 2\n").unwrap().as_default();
    under.merge(Node::parse("b.toml", "list = [3]\n[t]\nb = 3\n").unwrap());
    under.insert(&["t".into(), "c".into()], Node::from_variable("BARID__T__C", "9"));
    let ((), problems, asked) = Table::read_document(&under, |table| {
        assert_eq!(table.optional::<i64>("x"), Some(1));
        assert_eq!(table.optional::<Vec<i64>>("list"), Some(vec![3]));
        assert!(table.is_set("list") && !table.is_set("x"));
        table.table("t", |t| {
            assert_eq!((t.optional("a"), t.optional("b")), (Some(1_i64), Some(3_i64)));
            assert_eq!((t.optional("c"), t.optional("c")), (Some(9_i64), Some("9".to_owned())));
            assert!(!t.is_set("a") && t.is_set("b") && t.is_set("c"));
        });
    });
    assert_eq!((problems, asked.join(" ").as_str()), (vec![], "x list t t.a t.b t.c"));
}

#[test]
fn a_variable_may_be_toml_or_plain_text() {
    for (text, kind) in [
        ("12", "a whole number"),
        ("[\"a\"]", "a list"),
        ("0.0.0.0:80", "a text"),
        ("1\nx = 2", "a text"),
        ("", "a text"),
    ] {
        assert_eq!(Node::from_variable("V", text).value.kind(), kind, "{text}");
    }
}

#[test]
fn durations_say_their_unit() {
    for (text, secs) in
        [("30s", 30), ("15m", 900), ("1h30m", 5400), ("1h 30m", 5400), ("30d", 2_592_000), ("2w", 1_209_600)]
    {
        assert_eq!(duration_from_text(text), Ok(Duration::from_secs(secs)), "{text}");
    }
    assert_eq!(duration_from_text("250ms"), Ok(Duration::from_millis(250)));
    for bad in ["", "30", "s", "-5s", "5 s", "1y", "0s", "4000d", "1.5h", "٣٠s", "99999999999999999999s"] {
        assert!(duration_from_text(bad).is_err(), "{bad}");
    }
    for text in ["15m", "1h30m", "30d", "250ms"] {
        assert_eq!(text_of_duration(duration_from_text(text).unwrap()), text);
    }
}
