//! What a call to Meta proves, against small servers that behave badly. A send that may have been taken must never look as if it
//! was not, and no server may ever see a send twice.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use barid::domain::failure::FailureClass;
use barid::domain::ids::{CallbackReference, MessageId};
use barid::domain::message::{Content, Envelope, Recipient};
use barid::domain::phone_number::PhoneNumber;
use barid::ports::{Answer, WhatsApp};
use barid::whatsapp::{Client, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const ACCEPTED: &str = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+966500000101","wa_id":"966500000101"}],"messages":[{"id":"wamid.A=="}]}"#;
const PAIR_LIMIT: &str = r#"{"error":{"message":"(#131056) pair rate limit hit","type":"OAuthException","code":131056,"error_data":{"messaging_product":"whatsapp","details":"Too many"},"fbtrace_id":"A"}}"#;
const META_FAULT: &str =
    r#"{"error":{"message":"(#131000) Something went wrong","type":"OAuthException","code":131000,"fbtrace_id":"A"}}"#;

/// A server and the requests that it read whole.
pub(crate) struct Server {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

/// One connection to it.
pub(crate) struct Connection {
    stream: TcpStream,
    requests: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Does `behave` with each connection.
    pub(crate) async fn start<F: Future<Output = ()> + Send>(
        behave: impl Fn(Connection) -> F + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, heads) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let server = Self { url, requests: Arc::clone(&requests), heads: Arc::clone(&heads) };
        let behave = Arc::new(behave);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let connection = Connection { stream, requests: Arc::clone(&requests), heads: Arc::clone(&heads) };
                let behave = Arc::clone(&behave);
                tokio::spawn(async move { behave(connection).await });
            }
        });
        server
    }

    /// Reads each request and answers it with `answer`.
    pub(crate) async fn answering(answer: String) -> Self {
        Self::start(move |mut connection| {
            let answer = answer.clone();
            async move {
                while connection.read().await {
                    connection.write(&answer).await;
                }
            }
        })
        .await
    }

    pub(crate) fn seen(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Connection {
    /// Reads one request; false when there is none any more.
    pub(crate) async fn read(&mut self) -> bool {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length =
                    head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                if body.len() >= length.unwrap_or(0) {
                    self.heads.lock().unwrap().push(head.to_owned());
                    self.requests.fetch_add(1, Ordering::SeqCst);
                    return true;
                }
            }
            match self.stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return false,
                Ok(n) => read.extend_from_slice(&buffer[..n]),
            }
        }
    }

    pub(crate) async fn write(&mut self, answer: &str) {
        // The client may be gone already: that is part of what is tested.
        let _ = self.stream.write_all(answer.as_bytes()).await;
    }

    /// Closes so that the other side sees a reset.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

pub(crate) fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn client(url: &str) -> Client {
    Client::new(&Settings {
        graph_url: url.to_owned(),
        api_version: "v26.0".to_owned(),
        token: "first-token".into(),
        senders: HashMap::from([("default".parse().unwrap(), "900000000000001".parse().unwrap())]),
        connect_within: Duration::from_millis(800),
        answer_within: Duration::from_millis(1_600),
        proxy: None,
    })
    .unwrap()
}

async fn send(client: &Client) -> Answer {
    let envelope = Envelope {
        to: Recipient::Phone(PhoneNumber::from_e164("+966500000101").unwrap()),
        sender: "default".parse().unwrap(),
        reference: CallbackReference { store: "k7q2".into(), message: MessageId::new(77), attempt: 1 },
        in_reply_to: None,
    };
    client.send(&envelope, &Content::Text { body: "hello".into(), preview_url: false }).await
}

fn is_unanswered(answer: &Answer) -> bool {
    matches!(answer, Answer::Unanswered { .. })
}

fn is_not_sent(answer: &Answer) -> bool {
    matches!(answer, Answer::NotSent { .. })
}

#[tokio::test]
async fn an_accepted_send_carries_token_and_type() {
    let server = Server::answering(http("200 OK", ACCEPTED)).await;
    let client = client(&server.url);
    assert_eq!(send(&client).await, Answer::Accepted("wamid.A==".parse().unwrap()));
    client.replace_token(&"second-token".into()).unwrap();
    assert_eq!(send(&client).await, Answer::Accepted("wamid.A==".parse().unwrap()));
    let heads = server.heads.lock().unwrap().join("\n").to_lowercase();
    assert!(heads.contains("post /v26.0/900000000000001/messages http/1.1"), "{heads}");
    assert!(heads.contains("bearer first-token") && heads.contains("bearer second-token"), "{heads}");
    assert!(heads.contains("content-type: application/json"), "{heads}");
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let refused = send(&client(&format!("http://{address}"))).await;
    assert!(is_not_sent(&refused), "{refused:?}");
    assert!(!format!("{refused:?}").contains("900000000000001"), "no ids in {refused:?}");

    let nowhere = send(&client("http://nowhere.invalid")).await;
    assert!(is_not_sent(&nowhere), "{nowhere:?}");

    let no_tls = Server::answering("this is no TLS".to_owned()).await;
    let plain = send(&client(&no_tls.url.replace("http:", "https:"))).await;
    assert!(is_not_sent(&plain), "{plain:?}");
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time_sent_nothing() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = socket.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    // Nobody accepts: once the backlog is full, further connections hang.
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let answer = send(&client(&format!("http://{address}"))).await;
    assert!(is_not_sent(&answer), "{answer:?}");
}

#[tokio::test]
async fn an_unknown_sender_sends_nothing() {
    let client = Client::new(&Settings {
        graph_url: "http://127.0.0.1:1".into(),
        api_version: "v26.0".into(),
        token: "t".into(),
        senders: HashMap::new(),
        connect_within: Duration::from_secs(1),
        answer_within: Duration::from_secs(1),
        proxy: None,
    })
    .unwrap();
    let answer = send(&client).await;
    assert!(is_not_sent(&answer), "{answer:?}");
}

#[tokio::test]
async fn once_the_request_was_read_silence_is_no_answer_and_it_is_never_sent_again() {
    let closed = Server::start(|mut connection| async move {
        connection.read().await;
    })
    .await;
    let reset = Server::start(|mut connection| async move {
        connection.read().await;
        connection.reset();
    })
    .await;
    let silent = Server::start(|mut connection| async move {
        connection.read().await;
        // Until the client gives up.
        connection.read().await;
    })
    .await;
    let half = Server::start(|mut connection| async move {
        connection.read().await;
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"messages\"").await;
    })
    .await;
    let garbage = Server::answering("SSH-2.0-OpenSSH_9.2\r\n".to_owned()).await;
    for (name, server) in
        [("closed", closed), ("reset", reset), ("silent", silent), ("half", half), ("garbage", garbage)]
    {
        let answer = send(&client(&server.url)).await;
        assert!(is_unanswered(&answer), "{name}: {answer:?}");
        assert_eq!(server.seen(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_reset_before_the_request_was_read_is_never_taken_for_an_answer() {
    let server = Server::start(|connection| async move { connection.reset() }).await;
    let client = client(&server.url);
    for _ in 0..20 {
        let answer = send(&client).await;
        assert!(is_unanswered(&answer) || is_not_sent(&answer), "{answer:?}");
    }
    assert_eq!(server.seen(), 0);
}

#[tokio::test]
async fn what_a_status_without_metas_words_proves() {
    let html = "<html>bad gateway</html>";
    for (status, body, sent) in [
        ("502 Bad Gateway", html, true),
        ("503 Service Unavailable", "", true),
        ("500 Internal Server Error", r#"{"error":"oops"}"#, true),
        ("403 Forbidden", html, true),
        ("200 OK", html, true),
        ("200 OK", "", true),
        ("302 Found", "", true),
        ("404 Not Found", html, false),
        ("413 Payload Too Large", "", false),
    ] {
        let server = Server::answering(http(status, body)).await;
        let answer = send(&client(&server.url)).await;
        assert_eq!((is_unanswered(&answer), is_not_sent(&answer)), (sent, !sent), "{status} {body}: {answer:?}");
        assert_eq!(server.seen(), 1);
    }
}

#[tokio::test]
async fn metas_refusal_is_a_refusal_at_any_status() {
    for (status, body, class, code) in [
        ("400 Bad Request", PAIR_LIMIT, FailureClass::PairThrottled, 131056),
        ("429 Too Many Requests", PAIR_LIMIT, FailureClass::PairThrottled, 131056),
        ("500 Internal Server Error", META_FAULT, FailureClass::Transient, 131000),
    ] {
        let server = Server::answering(http(status, body)).await;
        let Answer::Refused(refusal) = send(&client(&server.url)).await else { panic!("{status}") };
        assert_eq!((refusal.class, refusal.code), (class, Some(code)));
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let server = Server::start(|mut connection| async move {
        connection.read().await;
        connection.write("HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n").await;
        for _ in 0..40 {
            connection.write(&"x".repeat(4096)).await;
        }
    })
    .await;
    let answer = send(&client(&server.url)).await;
    assert!(is_unanswered(&answer), "{answer:?}");
}

#[tokio::test]
async fn a_reused_connection_that_dies_after_the_request_is_not_tried_again() {
    let server = Server::start(|mut connection| async move {
        connection.read().await;
        connection.write(&http("200 OK", ACCEPTED)).await;
        connection.read().await;
    })
    .await;
    let client = client(&server.url);
    assert!(matches!(send(&client).await, Answer::Accepted(_)));
    let answer = send(&client).await;
    assert!(is_unanswered(&answer), "{answer:?}");
    assert_eq!(server.seen(), 2);
}

#[tokio::test]
async fn a_connection_that_closes_between_two_sends_never_doubles_one() {
    // The server answers and closes at once, without saying so: whether the client has noticed when it sends again is a race.
    let server = Server::start(|mut connection| async move {
        if connection.read().await {
            connection.write(&http("200 OK", ACCEPTED)).await;
        }
    })
    .await;
    let client = client(&server.url);
    let (mut accepted, mut unanswered) = (0, 0);
    for _ in 0..300 {
        match send(&client).await {
            Answer::Accepted(_) => accepted += 1,
            Answer::Unanswered { .. } => unanswered += 1,
            // The request came back unwritten, or there was no connection: no server can have seen it.
            Answer::NotSent { .. } => {}
            refused @ Answer::Refused(_) => panic!("{refused:?}"),
        }
    }
    assert!(accepted > 0);
    let seen = server.seen();
    assert!(
        (accepted..=accepted + unanswered).contains(&seen),
        "{accepted} accepted, {unanswered} unanswered, {seen} seen"
    );
}
