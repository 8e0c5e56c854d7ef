//! Flows and inputs that nobody thought of, drawn from seeds: what must hold, holds.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::*;

const SHIPPED: [(&str, &str); 3] = [
    ("nps", include_str!("../../../../jobs/flows/nps.toml")),
    ("csat", include_str!("../../../../jobs/flows/csat.toml")),
    ("ces", include_str!("../../../../jobs/flows/ces.toml")),
];

/// Something that may come in; often what fits the open question, sometimes nonsense.
fn anything(random: &mut StdRng, flow: &Flow, position: &Position) -> WhatCame {
    let open = position.open.as_ref().and_then(|open| flow.step(open));
    let choices = open.and_then(FlowStep::question).map_or(&[][..], |question| question.kind.choices());
    let words = [
        "1",
        "٣",
        "7",
        "10/10",
        "yes",
        "نعم",
        "book",
        "skip",
        "تخطي",
        "tomorrow",
        "12/12/2026",
        "31/2/2026",
        "⭐⭐⭐",
        "",
        " ",
        "🙂",
        "{{answers.x}}",
        "\u{0}\u{202e}",
        "-1",
        "999999999999999999999",
        "0.5",
        "room b",
        "9",
        "2",
        "5",
    ];
    match random.random_range(0..16) {
        0..=5 if !choices.is_empty() => {
            let step = &open.unwrap().id;
            let choice = &choices[random.random_range(0..choices.len())];
            WhatCame::Pressed(choice.payload(&flow.name, step))
        }
        0..=9 => WhatCame::Text(words[random.random_range(0..words.len())].repeat(random.random_range(1..3))),
        10 => WhatCame::Text("ط".repeat(random.random_range(0..5_000))),
        11 => WhatCame::Timer,
        12 => WhatCame::Other,
        13 => WhatCame::Language(Language::ALL[random.random_range(0..2)]),
        14 => WhatCame::Pressed("flow:visit:menu:book".into()),
        _ => match random.random_range(0..6) {
            0 => WhatCame::Escalate,
            1 => WhatCame::Cancel,
            _ => WhatCame::Resume,
        },
    }
}

/// Plays a conversation that is drawn from the seed and holds it to the promises of the engine; what happened, as one text.
fn played(flow: &Flow, seed: u64, n: usize) -> String {
    let mut random = StdRng::seed_from_u64(seed);
    let contact = contact(random.random_bool(0.5).then_some("Omar"));
    let brand = brand();
    let around = Around { contact: &contact, brand: &brand };
    let language = Language::ALL[random.random_range(0..2)];
    let mut minutes = 0;
    let mut turn = begin(flow, &Start { id: "start".into(), language, variables: Default::default() }, &around, at(0));
    let mut inputs: Vec<Input> = Vec::new();
    let mut journal = String::new();
    for n in 0..n {
        let told = format!("seed {seed}, input {n}, {:?}", turn.because);
        turn.say.iter().for_each(within_limits);
        // It ends or it waits, and what waits gives up some time.
        match (turn.ends(), turn.timers()) {
            (Some(_), None) => {}
            (None, Some(timers)) => {
                assert!(timers.give_up_at > at(0) && timers.next() <= timers.give_up_at, "{told}");
                assert!(turn.position.open.is_some(), "{told}");
            }
            both => panic!("{told}: {both:?}"),
        }
        let mut steps: Vec<_> = turn.position.answers.iter().map(|answer| &answer.step).collect();
        steps.sort();
        steps.dedup();
        assert_eq!(steps.len(), turn.position.answers.len(), "one answer for each question: {told}");
        // It is kept and taken up again between any two inputs.
        let kept: Position = serde_json::from_str(&serde_json::to_string(&turn.position).unwrap()).unwrap();
        assert_eq!(kept, turn.position, "{told}");
        journal.push_str(&format!(
            "{:?} {:?} {}\n",
            turn.because,
            kept.standing,
            turn.say.iter().map(shown).collect::<String>()
        ));
        minutes += [0, 0, 1, 30, 300][random.random_range(0..5)];
        // What came before may come again.
        if !inputs.is_empty() && random.random_bool(0.2) {
            let again = &inputs[random.random_range(0..inputs.len())];
            let same = advance(flow, &kept, again, &around, at(minutes));
            assert!(same.because == Because::Redelivered || same.because.is_unchanged(), "{told}: {:?}", same.because);
            assert_eq!((same.position, same.say.len(), same.recorded.is_none()), (kept.clone(), 0, true), "{told}");
        }
        let input = Input { id: format!("in-{n}"), came: anything(&mut random, flow, &kept) };
        let next = advance(flow, &kept, &input, &around, at(minutes));
        if next.because.is_unchanged() {
            assert_eq!((&next.position, next.say.len(), &next.recorded), (&kept, 0, &None), "{told}");
        } else {
            inputs.push(input);
        }
        match (&next.recorded, &next.because) {
            (Some(answer), Because::Answered(step)) => {
                assert_eq!(&answer.step, step, "{told}");
                assert_eq!(next.position.answer(step), Some(answer), "{told}");
            }
            (None, Because::Answered(_)) | (Some(_), _) => panic!("{told}: {:?}", next.because),
            (None, _) => {}
        }
        turn = next;
    }
    journal
}

#[test]
fn whatever_comes_the_promises_hold_and_the_same_gives_the_same() {
    let flows = SHIPPED.iter().map(|(name, text)| Flow::parse(name.parse().unwrap(), name, text, &brand()).unwrap());
    for flow in flows.chain([parsed(VISIT).unwrap()]) {
        for seed in 0..25 {
            assert_eq!(played(&flow, seed, 60), played(&flow, seed, 60), "{} seed {seed}", flow.name);
        }
        // Longer than any conversation may be.
        played(&flow, 1, 400);
    }
}

#[test]
fn a_conversation_that_goes_round_comes_to_its_end() {
    let mut talk = Talk::visit();
    let mut round = ["rate", "5", "9", "yes"].iter().cycle();
    while talk.turn.ends().is_none() {
        talk.hears(round.next().unwrap());
        assert!(talk.n < 300, "it never ends");
    }
    assert_eq!(talk.turn.because, Because::TooLong);
}

/// A flow that is drawn from the seed: often in order, often not.
fn drawn(random: &mut StdRng) -> String {
    let n = random.random_range(1..7);
    let mut text = String::new();
    let target = |random: &mut StdRng| match random.random_range(0..8) {
        0 => "end".to_owned(),
        1 => "escalate".to_owned(),
        2 => "next".to_owned(),
        // Now and then one that is not there.
        3 if random.random_bool(0.1) => format!("s{n}"),
        _ => format!("s{}", random.random_range(0..n)),
    };
    for at in 0..n {
        let kinds = ["say", "text", "number", "date", "nps", "csat", "ces", "buttons", "escalate"];
        let kind = kinds[random.random_range(0..kinds.len())];
        let variable =
            ["", "", " {{default answers.s0 \"-\"}}", " {{answers.s1}}", " {{brand.name}}"][random.random_range(0..5)];
        text.push_str(&format!("[[steps]]\nid = \"s{at}\"\nkind = \"{kind}\"\n"));
        text.push_str(&format!("text = {{ ar = 'س{variable}', en = 'Q{variable}' }}\n"));
        if kind == "buttons" {
            text.push_str("buttons = [{ id = \"a\", title = { ar = \"أ\", en = \"A\" } }, { id = \"b\", title = { ar = \"ب\", en = \"B\" } }]\n");
        }
        if kind != "say" && kind != "escalate" {
            text.push_str(&format!("tries = {}\noptional = {}\n", random.random_range(1..3), random.random_bool(0.3)));
            if random.random_bool(0.5) {
                text.push_str(&format!("after_tries = \"{}\"\n", target(random)));
            }
        }
        if kind != "escalate" && random.random_bool(0.7) {
            let go = [(); 2].map(|()| target(random));
            let is = match kind {
                "buttons" => "is = \"a\", ",
                "nps" | "csat" | "ces" | "number" => "from = 3, ",
                _ => "",
            };
            if is.is_empty() {
                text.push_str(&format!("next = \"{}\"\n", go[0]));
            } else {
                text.push_str(&format!("next = [{{ {is}go = \"{}\" }}, {{ go = \"{}\" }}]\n", go[0], go[1]));
            }
        }
    }
    text
}

#[test]
fn flows_of_any_shape_hold_the_promises_or_are_refused_with_a_place() {
    let (mut fine, mut refused) = (0, 0);
    for seed in 0..800 {
        let text = drawn(&mut StdRng::seed_from_u64(seed));
        match parsed(&text) {
            Ok(flow) => {
                fine += 1;
                played(&flow, seed, 25);
            }
            Err(told) => {
                refused += 1;
                assert!(told.lines().all(|line| line.starts_with("visit.toml")), "seed {seed}: {told}");
            }
        }
    }
    assert!(fine > 50 && refused > 50, "{fine} {refused}");
}

#[test]
fn damaged_files_are_refused_and_nothing_panics() {
    for seed in 0..400_u64 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = VISIT.as_bytes().to_vec();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..3) {
                0 => bytes[at] = b"\"{}[]=,.0az \n"[random.random_range(0..13)],
                1 => drop(bytes.remove(at)),
                _ => {
                    let end = (at + random.random_range(1..40)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
        if let Ok(flow) = parsed(&String::from_utf8_lossy(&bytes)) {
            played(&flow, seed, 10);
        }
    }
}
