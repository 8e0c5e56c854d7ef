//! Mail over TLS: a real TLS server on loopback in front of the simulator's mail server, with certificates of an authority that the test
//! makes. What must not pass does not: neither the mail nor a word of it leaves in the open.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use barid::fallback::email::Email;
use barid::ports::{Address, Answer, Fallback as _};
use barid::simulator::{MailSettings, Outcome, Settings, Simulator};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::channels::{letter, mail_channel_to, word};
use crate::fallback::{person, setup, standing, wait_for, write_campaign};
use crate::harness::{Barid, PATIENCE};

/// Somebody who vouches for mail servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Vouches for a server of that name until that year.
    fn vouches_for(&self, name: &str, until: i32) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let ring = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// How a server keeps a conversation from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    FromTheStart,
    StartTls,
    /// It offers everything but TLS.
    Never,
}

/// A mail server that others cannot read along with.
struct Front {
    address: SocketAddr,
    /// Every line that was said to it in the open.
    open: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// In front of this mail server.
    async fn of(mail: SocketAddr, way: Way, tls: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&open);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, heard) = (tls.clone(), Arc::clone(&heard));
                // A conversation that breaks off is part of what is tested.
                tokio::spawn(async move {
                    let _ = converse(stream, mail, way, tls, &heard).await;
                });
            }
        });
        Self { address, open }
    }

    /// Its address as `SMTP_URL` has it; it is asked for by name.
    fn url(&self, way: Way) -> String {
        let port = self.address.port();
        match way {
            Way::FromTheStart => format!("smtps://barid:right@localhost:{port}"),
            Way::StartTls | Way::Never => format!("smtp://barid:right@localhost:{port}?tls=required"),
        }
    }

    fn said_in_the_open(&self) -> Vec<String> {
        self.open
            .lock()
            .unwrap()
            .iter()
            .map(|line| line.split(' ').next().unwrap_or_default().trim().to_owned())
            .collect()
    }
}

async fn converse(
    stream: TcpStream,
    mail: SocketAddr,
    way: Way,
    tls: TlsAcceptor,
    heard: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let stream = match way {
        Way::FromTheStart => stream,
        Way::StartTls | Way::Never => match in_the_open(stream, way, heard).await? {
            Some(stream) => stream,
            None => return Ok(()),
        },
    };
    let mut stream = tls.accept(stream).await?;
    let mut behind = BufReader::new(TcpStream::connect(mail).await?);
    if way == Way::StartTls {
        // Whoever changed to TLS was greeted already.
        behind.read_line(&mut String::new()).await?;
    }
    copy_bidirectional(&mut stream, &mut behind).await?;
    Ok(())
}

/// Talks in the open until TLS is asked for.
async fn in_the_open(stream: TcpStream, way: Way, heard: &Mutex<Vec<String>>) -> std::io::Result<Option<TcpStream>> {
    let mut stream = BufReader::new(stream);
    let mut reply = "220 front ESMTP";
    loop {
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let command = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        heard.lock().unwrap().push(line);
        reply = match (command.as_str(), way) {
            ("EHLO", Way::StartTls) => "250-front\r\n250 STARTTLS",
            ("EHLO", _) => "250-front\r\n250 AUTH PLAIN",
            ("STAR", Way::StartTls) => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(Some(stream.into_inner()));
            }
            ("STAR", _) => "502 5.5.1 not here",
            ("DATA", _) => "354 go on",
            ("QUIT", _) => "221 bye",
            _ => "250 ok",
        };
    }
}

/// A mail server that takes mail of whoever logs in.
async fn mail_server() -> (Simulator, SocketAddr) {
    let settings = Settings {
        mail: MailSettings {
            listen: Some(([127, 0, 0, 1], 0).into()),
            user: Some("barid".to_owned()),
            password: "right".to_owned(),
        },
        ..Settings::default()
    };
    let simulator = Simulator::start(settings).await.unwrap();
    let address = simulator.mail_addr().unwrap();
    (simulator, address)
}

async fn send(channel: &Email, user: &str) -> Answer {
    channel.send(&letter(Address::Email(format!("{user}@example.com")))).await
}

#[tokio::test]
async fn mail_goes_over_tls_in_both_ways_and_means_the_same_there() {
    let authority = Authority::new();
    for (way, open) in [(Way::FromTheStart, vec![]), (Way::StartTls, vec!["EHLO", "STARTTLS"])] {
        let (simulator, mail) = mail_server().await;
        let front = Front::of(mail, way, authority.vouches_for("localhost", 2100)).await;
        let channel = mail_channel_to(&front.url(way), Some(&authority.pem));
        for (user, expected) in [
            ("nadia", "accepted"),
            ("bounce-550", "refused undeliverable"),
            ("greylist-451", "refused transient"),
            ("omar", "accepted"),
        ] {
            let answer = send(&channel, user).await;
            assert_eq!(word(&answer), expected, "{way:?} {user}: {answer:?}");
        }
        assert_eq!(word(&send(&channel, "drop-after-dot").await), "unanswered", "{way:?}");
        let mails = simulator.mails();
        let to: Vec<&str> = mails.iter().map(|mail| mail.to.split('@').next().unwrap()).collect();
        assert_eq!(to, ["nadia", "omar", "drop-after-dot"], "{way:?}");
        assert_eq!(mails[0].connection, mails[1].connection, "{way:?}: one connection serves many");
        assert_eq!(front.said_in_the_open(), open, "{way:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_about_us_and_nothing_is_said_to_its_server() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (what, trusted, certificate) in [
        ("an authority of which this machine does not know", None, authority.vouches_for("localhost", 2100)),
        ("another authority", Some(&stranger.pem), authority.vouches_for("localhost", 2100)),
        ("another name", Some(&authority.pem), authority.vouches_for("mail.example.com", 2100)),
        ("a certificate of long ago", Some(&authority.pem), authority.vouches_for("localhost", 2021)),
    ] {
        for way in [Way::FromTheStart, Way::StartTls] {
            let (simulator, mail) = mail_server().await;
            let front = Front::of(mail, way, certificate.clone()).await;
            let channel = mail_channel_to(&front.url(way), trusted.map(String::as_str));
            let answer = send(&channel, "nadia").await;
            assert_eq!(word(&answer), "refused misconfigured", "{what}, {way:?}: {answer:?}");
            let Answer::Refused(refusal) = answer else { unreachable!() };
            assert!(refusal.details.contains("certificate is not trusted"), "{what}: {}", refusal.details);
            assert!(simulator.mails().is_empty(), "{what}, {way:?}");
            assert!(
                front.said_in_the_open().iter().all(|word| word == "EHLO" || word == "STARTTLS"),
                "{what}, {way:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_left_without_a_word_of_the_mail() {
    let authority = Authority::new();
    let (simulator, mail) = mail_server().await;
    let front = Front::of(mail, Way::Never, authority.vouches_for("localhost", 2100)).await;
    let answer = send(&mail_channel_to(&front.url(Way::Never), Some(&authority.pem)), "nadia").await;
    assert_eq!(word(&answer), "refused misconfigured", "{answer:?}");
    let Answer::Refused(refusal) = answer else { unreachable!() };
    assert!(refusal.details.contains("STARTTLS"), "{}", refusal.details);
    assert!(
        front.said_in_the_open().iter().all(|word| word == "EHLO" || word == "QUIT"),
        "{:?}",
        front.said_in_the_open()
    );

    // TLS from the first byte, where the server speaks in the open.
    let url = format!("smtps://barid:right@localhost:{}", mail.port());
    let answer = send(&mail_channel_to(&url, Some(&authority.pem)), "nadia").await;
    assert_eq!(word(&answer), "refused misconfigured", "{answer:?}");
    assert!(simulator.mails().is_empty());
}

#[tokio::test]
async fn a_connection_that_breaks_before_tls_stands_is_tried_again_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtps://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let answer = send(&mail_channel_to(&url, None), "nadia").await;
    assert_eq!(word(&answer), "not sent", "{answer:?}");
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_stops_the_channel_until_somebody_sets_it_right() {
    let authority = Authority::new();
    let nadia = person("+966500006001", "nadia@example.com");
    let mut setup = setup();
    setup.simulator.suffixes.insert("6001".to_owned(), Outcome::Failed(131_026));
    let mut barid = Barid::prepare(setup).await;
    let mail = barid.simulator.mail_addr().unwrap();
    let front = Front::of(mail, Way::FromTheStart, authority.vouches_for("localhost", 2100)).await;
    let url = format!("smtps://localhost:{}", front.address.port());
    barid.environment.retain(|(name, _)| *name != "SMTP_URL");
    barid.environment.push(("SMTP_URL", url));
    let people = [nadia];
    write_campaign(&barid, "survey", &people, "fallback = [\"email\"]");
    barid.start().await;
    barid.start_campaign("survey").await;
    let channel = async |barid: &Barid| barid.get("/api/integrations").await["items"][3].clone();
    let begin = Instant::now();
    while channel(&barid).await["healthy"] == true {
        assert!(begin.elapsed() < PATIENCE, "the channel is not stopped\n{}", barid.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let in_force = barid.get("/api/v1/suspensions").await["items"].clone();
    let suspended = &in_force[0];
    assert_eq!((&suspended["scope"], &suspended["value"]), (&"channel".into(), &"email".into()), "{in_force}");
    assert_eq!(suspended["cause"], "misconfigured", "{in_force}");
    let held = |messages: &[Value]| standing(&messages[0]) == ("email".to_owned(), "held".to_owned(), 2);
    wait_for(&barid, "survey", "the mail to be held", |messages| messages.len() == 1 && held(messages)).await;
    assert!(barid.simulator.mails().is_empty());

    // The authority is named, and somebody says that it is set right.
    assert!(barid.stop().await);
    let file = barid.dir.path().join("mail-ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    barid.environment.push(("BARID__EMAIL__CA_FILE", file.display().to_string()));
    barid.start().await;
    assert!(barid.run(&["release", "--all"]).status.success());
    wait_for(&barid, "survey", "the mail", |messages| standing(&messages[0]).1 == "submitted").await;
    assert_eq!(barid.simulator.mails().len(), 1);
    assert_eq!(channel(&barid).await["healthy"], true);
}
