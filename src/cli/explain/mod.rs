//! `barid explain`: what a code means, what follows from it, and what a person should do. The tables belong to the adapters; this is
//! the one place that shows them together.
//!
#![doc = include_str!("failure_codes.md")]

mod code;
mod markdown;

use serde::Serialize;

use self::code::{Explanation, Provider};
use crate::cli::exit::{Ended, Exit, Failure};
use crate::cli::screen;
use crate::domain::failure::FailureClass;
use crate::domain::problem::did_you_mean;

/// Explain a provider's code: what it means, what barid does, what you should do
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  barid explain 131049\n  barid explain 190/463\n  barid explain twilio 21610\n  \
                        barid explain smtp 550 5.1.1\n  barid explain marketing-limited\n  barid explain")]
pub(super) struct Explain {
    /// A code of Meta's (with `/` and its subcode), `twilio CODE`, `smtp CODE [ENHANCED]`, or a failure class; nothing: everything
    #[arg(value_name = "CODE", allow_negative_numbers = true)]
    what: Vec<String>,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
    /// Print the whole table as it stands in the documentation
    #[arg(long, conflicts_with_all = ["json", "what"])]
    markdown: bool,
}

/// What was asked for.
#[derive(Debug, PartialEq)]
enum Question {
    Everything,
    Class(FailureClass),
    Code(Explanation),
}

/// A class with its four answers.
#[derive(Debug, Serialize)]
struct ShownClass {
    class: &'static str,
    explanation: &'static str,
    answers: Answers,
    advice: &'static str,
}

/// The four answers, for programs and for people.
#[derive(Debug, Serialize)]
struct Answers {
    retry: String,
    slows: &'static str,
    falls_back: bool,
    fallback: &'static str,
    alerts: bool,
}

impl From<FailureClass> for ShownClass {
    fn from(class: FailureClass) -> Self {
        let answers = Answers {
            retry: class.retry().words(),
            slows: class.slow().words(),
            falls_back: class.falls_back(),
            fallback: class.fallback_words(),
            alerts: class.alerts(),
        };
        Self { class: class.name(), explanation: class.explanation(), answers, advice: class.advice() }
    }
}

#[derive(Serialize)]
struct ShownCode<'a> {
    #[serde(flatten)]
    code: &'a Explanation,
    explanation: &'static str,
    answers: Answers,
    advice: &'static str,
}

impl<'a> From<&'a Explanation> for ShownCode<'a> {
    fn from(code: &'a Explanation) -> Self {
        let ShownClass { explanation, answers, advice, .. } = code.class.into();
        Self { code, explanation, answers, advice }
    }
}

#[derive(Serialize)]
struct ShownWithCodes<'a> {
    #[serde(flatten)]
    class: ShownClass,
    codes: Vec<&'a Explanation>,
}

pub(super) fn run(arguments: &Explain) -> Ended {
    if arguments.markdown {
        return screen::say(markdown::page().trim_end());
    }
    let words: Vec<&str> = arguments.what.iter().map(String::as_str).collect();
    let question = question(&words).map_err(|wrong| Failure::because(Exit::Usage, wrong))?;
    match question {
        Question::Code(code) if arguments.json => screen::json(&ShownCode::from(&code)),
        Question::Code(code) => tell_code(&code),
        Question::Class(class) => {
            let all = code::all();
            let codes: Vec<_> = all.iter().filter(|code| code.class == class).collect();
            if arguments.json {
                return screen::json(&ShownWithCodes { class: class.into(), codes });
            }
            tell_class(class)?;
            table(codes.into_iter())
        }
        Question::Everything => {
            let all = code::all();
            if arguments.json {
                let with_codes = |class: FailureClass| ShownWithCodes {
                    class: class.into(),
                    codes: all.iter().filter(|code| code.class == class).collect(),
                };
                return screen::json(&FailureClass::ALL.map(with_codes));
            }
            screen::table(
                ["class", "what it is", "tried again?", "slows or stops", "other channel?", "alert?"],
                FailureClass::ALL.map(|class| {
                    [
                        class.name().to_owned(),
                        class.explanation().to_owned(),
                        class.retry().words(),
                        class.slow().words().to_owned(),
                        if class.falls_back() { "yes" } else { "no" }.to_owned(),
                        class.alert_words().to_owned(),
                    ]
                }),
            )?;
            table(all.iter())
        }
    }
}

/// What the words ask for.
fn question(words: &[&str]) -> Result<Question, String> {
    let (first, rest) = match words {
        [] => return Ok(Question::Everything),
        [first, rest @ ..] => (first.to_lowercase(), rest),
    };
    if let Some(provider) = Provider::named(&first) {
        return provider.explain(rest).map(Question::Code);
    }
    if first.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        let provider = Provider::that_knows(&first);
        return provider.explain(words).map(Question::Code);
    }
    match (FailureClass::named(&first), rest) {
        (Some(class), []) => Ok(Question::Class(class)),
        (Some(_), [more, ..]) => Err(format!("`{more}` is one word too many after a failure class; leave it out")),
        (None, _) => {
            let known = FailureClass::ALL.map(FailureClass::name).into_iter().chain(Provider::NAMES);
            Err(format!("there is no provider and no failure class `{first}`{}", did_you_mean(&first, known)))
        }
    }
}

fn tell_code(code: &Explanation) -> Ended {
    screen::pairs([
        ("code", format!("{} {}", code.provider.title(), code.code)),
        ("title", code.title.to_owned()),
        ("class", code.class.name().to_owned()),
        ("means", code.meaning.to_owned()),
        ("met in", if code.met_in.is_empty() { "–".to_owned() } else { code.met_in.join(", ") }),
    ])?;
    tell_answers(code.class)
}

fn tell_class(class: FailureClass) -> Ended {
    screen::pairs([("class", class.name().to_owned()), ("means", class.explanation().to_owned())])?;
    tell_answers(class)
}

fn tell_answers(class: FailureClass) -> Ended {
    screen::pairs([
        ("tried again?", class.retry().words()),
        ("slows or stops", class.slow().words().to_owned()),
        ("other channel?", class.fallback_words().to_owned()),
        ("alert?", class.alert_words().to_owned()),
        ("you", class.advice().to_owned()),
    ])
}

fn table<'a>(codes: impl Iterator<Item = &'a Explanation>) -> Ended {
    screen::table(
        ["provider", "code", "class", "title", "what it means and what to do"],
        codes.map(|code| {
            let provider = code.provider.title().to_owned();
            [provider, code.code.clone(), code.class.name().to_owned(), code.title.to_owned(), code.meaning.to_owned()]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(words: &[&str]) -> (Provider, String, FailureClass, bool) {
        let Question::Code(code) = question(words).unwrap() else { panic!("{words:?} is a code") };
        (code.provider, code.code, code.class, code.known)
    }

    #[test]
    fn a_code_is_found_with_whoever_knows_it() {
        use FailureClass::*;
        let meta = Provider::Meta;
        let table = [
            (&["131049"][..], (meta, "131049", MarketingLimited, true)),
            (&["meta", "131049"], (meta, "131049", MarketingLimited, true)),
            (&["WhatsApp", "131049"], (meta, "131049", MarketingLimited, true)),
            (&["190/463"], (meta, "190/463", Credentials, true)),
            (&["100", "33"], (meta, "100/33", Credentials, true)),
            (&["100/2388040"], (meta, "100/2388040", ContentRefused, true)),
            // The subcode is new, the code is not.
            (&["190/999"], (meta, "190/999", Credentials, true)),
            (&["210"], (meta, "210", Credentials, true)),
            (&["987654"], (meta, "987654", Unrecognised, false)),
            (&["-1"], (meta, "-1", Unrecognised, false)),
            (&["twilio", "21610"], (Provider::Twilio, "21610", OptedOut, true)),
            (&["21610"], (Provider::Twilio, "21610", OptedOut, true)),
            (&["twilio", "1"], (Provider::Twilio, "1", Unrecognised, false)),
            (&["smtp", "550", "5.1.1"], (Provider::Smtp, "550 5.1.1", Undeliverable, true)),
            (&["smtp", "5.1.1"], (Provider::Smtp, "5.1.1", Undeliverable, true)),
            (&["550"], (Provider::Smtp, "550", Undeliverable, true)),
            (&["451", "4.7.1"], (Provider::Smtp, "451 4.7.1", Transient, true)),
            (&["4.2.2"], (Provider::Smtp, "4.2.2", Transient, true)),
            (&["smtp", "599"], (Provider::Smtp, "599", Unrecognised, false)),
        ];
        for (words, expected) in table {
            let (provider, code, class, known) = code(words);
            assert_eq!((provider, code.as_str(), class, known), expected, "{words:?}");
        }
    }

    #[test]
    fn classes_and_everything_can_be_asked_for() {
        assert_eq!(question(&[]), Ok(Question::Everything));
        assert_eq!(question(&["marketing-limited"]), Ok(Question::Class(FailureClass::MarketingLimited)));
        for class in FailureClass::ALL {
            assert_eq!(question(&[class.name()]), Ok(Question::Class(class)));
        }
    }

    #[test]
    fn what_is_no_code_is_told() {
        for (words, says) in [
            (&["marketing-limitd"][..], "did you mean `marketing-limited`?"),
            (&["twilo", "5"], "did you mean `twilio`?"),
            (&["transient", "5"], "`5` is one word too many"),
            (&["meta"], "which code"),
            (&["meta", "x"], "`x` is not a code of Meta's"),
            (&["12x"], "`12x` is not a code of Meta's"),
            (&["190/"], "`` is not a subcode"),
            (&["190", "463", "7"], "one word too many"),
            (&["99999999999999999999"], "is not a code of Meta's"),
            (&["twilio", "21610", "5"], "one word too many"),
            (&["smtp", "5.1"], "is not a reply"),
            (&["smtp", "550", "x"], "`x` is not an enhanced code"),
            (&["smtp", "99999"], "is not a reply"),
        ] {
            let told = question(words).unwrap_err();
            assert!(told.contains(says), "{words:?}: {told}");
        }
    }
}
