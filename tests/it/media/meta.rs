//! A Graph API of a few lines that gives out one file, well or badly: what it answers is said for each request in order.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use barid::domain::media::Received;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// This status, these headers, this body.
    Says(u16, &'static str, String),
    /// The bytes, with their length.
    Gives(Vec<u8>),
    /// The bytes, without a length.
    Chunked(Vec<u8>),
    /// Zeros for ever, without a length.
    Endless,
    /// It says that so many bytes come, gives these and hangs up.
    BreaksOff(usize, Vec<u8>),
    /// The first half, then the rest when told.
    Waits(Vec<u8>, Arc<Notify>, Arc<Notify>),
}

/// A request as it came: its line, and its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) token: Option<String>,
}

#[derive(Default)]
struct Script {
    replies: VecDeque<Reply>,
    asked: Vec<Asked>,
}

/// It listens on loopback.
#[derive(Clone)]
pub(crate) struct Meta {
    pub(crate) url: String,
    script: Arc<Mutex<Script>>,
}

impl Meta {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::<Mutex<Script>>::default();
        let meta = Self { url, script: Arc::clone(&script) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&script)));
            }
        });
        meta
    }

    /// From now on it answers like this, one after the other.
    pub(crate) fn will(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().unwrap().replies = replies.into_iter().collect();
    }

    /// What it was asked since this was last asked for.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.script.lock().unwrap().asked)
    }

    /// What Meta says about a file that lies at `address`.
    pub(crate) fn found_at(&self, address: &str, file: &[u8], mime_type: &str) -> Reply {
        let mut received = Received::default();
        received.take(file);
        self.found(address, mime_type, Some(&received.digest().to_string()), Some(file.len()))
    }

    /// The same, of a file that lies here.
    pub(crate) fn found_here(&self, file: &[u8], mime_type: &str) -> Reply {
        self.found_at(&format!("{}/file?mid=1", self.url), file, mime_type)
    }

    pub(crate) fn found(&self, address: &str, mime_type: &str, hash: Option<&str>, bytes: Option<usize>) -> Reply {
        let json = serde_json::json!({
            "messaging_product": "whatsapp", "url": address, "mime_type": mime_type, "sha256": hash,
            // Seen as a string, too.
            "file_size": bytes.map(|bytes| bytes.to_string()), "id": "1",
        });
        Reply::Says(200, "", json.to_string())
    }
}

/// An error of Meta's.
pub(crate) fn error(status: u16, code: i64, subcode: Option<i64>) -> Reply {
    let json = serde_json::json!({ "error": { "message": "m", "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A" } });
    Reply::Says(status, "", json.to_string())
}

async fn serve(mut stream: TcpStream, script: Arc<Mutex<Script>>) {
    while let Some(head) = head(&mut stream).await {
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default().to_owned();
        let token = lines.find_map(|line| line.strip_prefix("authorization: ")).map(str::to_owned);
        let reply = {
            let mut script = script.lock().unwrap();
            script.asked.push(Asked { line, token });
            script.replies.pop_front()
        };
        let Some(reply) = reply else { return };
        // Whoever hung up wants no more.
        if answer(&mut stream, reply).await.is_err() {
            return;
        }
    }
}

async fn head(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(read).ok()
}

async fn answer(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let plain = |status: u16, more: &str, bytes: usize| {
        let mut head = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {bytes}\r\n");
        if !more.is_empty() {
            write!(head, "{more}\r\n").unwrap();
        }
        head + "\r\n"
    };
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    match reply {
        Reply::Says(status, more, body) => {
            stream.write_all(plain(status, more, body.len()).as_bytes()).await?;
            stream.write_all(body.as_bytes()).await
        }
        Reply::Gives(file) => {
            stream.write_all(plain(200, "", file.len()).as_bytes()).await?;
            stream.write_all(&file).await
        }
        Reply::Chunked(file) => {
            stream.write_all(CHUNKED.as_bytes()).await?;
            for piece in file.chunks(1_000) {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
                stream.write_all(piece).await?;
                stream.write_all(b"\r\n").await?;
            }
            stream.write_all(b"0\r\n\r\n").await
        }
        Reply::Endless => {
            stream.write_all(CHUNKED.as_bytes()).await?;
            let piece = [0_u8; 0x1000];
            loop {
                stream.write_all(b"1000\r\n").await?;
                stream.write_all(&piece).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        Reply::BreaksOff(says, gives) => {
            stream.write_all(plain(200, "", says).as_bytes()).await?;
            stream.write_all(&gives).await?;
            stream.shutdown().await?;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        Reply::Waits(file, reached, go_on) => {
            let (first, rest) = file.split_at(file.len() / 2);
            stream.write_all(plain(200, "", file.len()).as_bytes()).await?;
            stream.write_all(first).await?;
            stream.flush().await?;
            reached.notify_one();
            go_on.notified().await;
            stream.write_all(rest).await
        }
    }
}
