use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::nlp::language_only::LanguageOnly;

/// A service that answers each request with the next of these, and shows what it was asked: head and body.
async fn service(answers: Vec<(u16, String)>) -> (String, mpsc::UnboundedReceiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/analyse", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for (status, answer) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            let (head, body) = loop {
                let mut part = [0; 4_096];
                let n = stream.read(&mut part).await.unwrap();
                read.extend_from_slice(&part[..n]);
                let text = String::from_utf8_lossy(&read).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n")
                    && let Ok(body) = serde_json::from_str(body)
                {
                    break (head.to_owned(), body);
                }
            };
            tell.send((head, body)).unwrap();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
            // The other side may hang up on what is too long.
            let _ = stream.write_all(format!("{head}{answer}").as_bytes()).await;
        }
    });
    (url, told)
}

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

fn reader(url: &str, clock: &Arc<HandClock>) -> Http {
    let settings = HttpSettings {
        url: url.to_owned(),
        token: Some(SecretString::from("hush")),
        answer_within: Duration::from_secs(20),
        categories: vec!["staff".to_owned(), "price".to_owned()],
    };
    Http::new(settings, Arc::new(LanguageOnly), Arc::clone(clock) as Arc<dyn Clock>).unwrap()
}

fn clock() -> Arc<HandClock> {
    Arc::new(HandClock(AtomicI64::new(1_000)))
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn answer(results: &Value) -> String {
    json!({"model": "theirs", "version": "7", "results": results}).to_string()
}

#[tokio::test]
async fn the_service_reads_and_is_signed() {
    let results = json!([
        {"sentiment": {"label": "negative", "score": 0.9}, "category": {"name": "staff", "score": 3.0}},
        {"sentiment": null},
        {"sentiment": {"label": "negative", "score": 0.8}},
    ]);
    let (url, mut told) = service(vec![(200, answer(&results))]).await;
    let reader = reader(&url, &clock());
    assert_eq!(reader.model(), None, "it has not said yet");
    let read = reader.analyse(&texts(&["الموظف سيء", "where is it?", "👍"])).await.unwrap();
    let (head, body) = told.recv().await.unwrap();
    assert!(head.starts_with("POST /analyse ") && head.to_lowercase().contains("authorization: bearer hush"), "{head}");
    assert_eq!(body, json!({"texts": ["الموظف سيء", "where is it?", "👍"], "categories": ["staff", "price"]}));
    assert_eq!(read[0].sentiment.unwrap().label, SentimentLabel::Negative);
    let category = read[0].category.as_ref().unwrap();
    assert_eq!((category.name.as_str(), category.score), ("staff", Score::CERTAIN));
    assert_eq!((read[1].sentiment, read[1].is_question), (None, true));
    assert_eq!(read[2].sentiment.unwrap().label, SentimentLabel::Positive, "rules come first");
    assert_eq!(reader.model(), Some(Model { name: "theirs".to_owned(), version: "7".to_owned() }));
    assert_eq!(read[0].model, reader.model().unwrap());
}

#[tokio::test]
async fn what_is_not_as_agreed_is_read_here() {
    let long = "x".repeat(ANSWER_BYTES_MAX + 1);
    let one = json!([{"sentiment": {"label": "positive", "score": 1}}]);
    for (status, body) in [
        (500, answer(&one)),
        (200, "not json".to_owned()),
        (200, long),
        (200, answer(&json!([]))),
        (200, answer(&json!([{"sentiment": {"label": "happy", "score": 1}}]))),
        (200, answer(&json!([{"category": {"name": "else", "score": 1}}]))),
        (200, json!({"model": "", "version": "1", "results": one}).to_string()),
        (302, answer(&one)),
    ] {
        let (url, mut told) = service(vec![(status, body.clone())]).await;
        let reader = reader(&url, &clock());
        let read = reader.analyse(&texts(&["شكرا"])).await.unwrap();
        told.recv().await.unwrap();
        assert_eq!((read.len(), read[0].model.name.as_str()), (1, "language-only"), "{status} {body:.80}");
    }
}

#[tokio::test]
async fn a_service_that_keeps_failing_is_left_alone_for_a_while() {
    let good = answer(&json!([{}]));
    let failures = std::iter::repeat_n((503, String::new()), N_FAILURES_MAX as usize);
    let (url, mut told) = service(failures.chain([(200, good)]).collect()).await;
    let clock = clock();
    let reader = reader(&url, &clock);
    for _ in 0..N_FAILURES_MAX + 5 {
        assert_eq!(reader.analyse(&texts(&["ok"])).await.unwrap()[0].model.name, "language-only");
    }
    let mut n_asked = 0;
    while told.try_recv().is_ok() {
        n_asked += 1;
    }
    assert_eq!(n_asked, N_FAILURES_MAX);
    clock.0.fetch_add(REST.as_secs(), Ordering::SeqCst);
    assert_eq!(reader.analyse(&texts(&["ok"])).await.unwrap()[0].model.name, "theirs");
}

#[tokio::test]
async fn many_texts_are_asked_in_parts_and_stay_in_order() {
    let of = |n: usize| answer(&Value::Array(vec![json!({}); n]));
    let (url, mut told) = service(vec![(200, of(N_TEXTS_AT_ONCE)), (200, of(6))]).await;
    let many: Vec<String> =
        (0..N_TEXTS_AT_ONCE + 6).map(|n| if n % 2 == 0 { "👍".to_owned() } else { "👎".to_owned() }).collect();
    let read = reader(&url, &clock()).analyse(&many).await.unwrap();
    for (n, analysis) in read.iter().enumerate() {
        let expected = if n % 2 == 0 { SentimentLabel::Positive } else { SentimentLabel::Negative };
        assert_eq!(analysis.sentiment.unwrap().label, expected);
    }
    assert_eq!(read.len(), many.len());
    assert_eq!(told.recv().await.unwrap().1["texts"].as_array().unwrap().len(), N_TEXTS_AT_ONCE);
}
