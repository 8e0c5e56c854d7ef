use super::*;
use crate::domain::channel::Channel;

fn environment(variables: &[(&str, &str)]) -> Environment {
    variables.iter().copied().collect()
}

fn problems(result: Result<Config, ConfigErrors>) -> Vec<String> {
    result.map(|_| ()).unwrap_err().0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_shipped_file_is_the_defaults_and_names_every_key() {
    let (config, problems, asked) = read(&layers::defaults(), None, &Environment::default());
    assert!(problems.is_empty() && config.is_some(), "{problems:?}");
    assert_eq!(config.unwrap().warnings(), Vec::<String>::new(), "the defaults are safe");
    // Optional keys stand behind a `#`: with those marks removed every key that the program knows must be there.
    let uncommented: String = layers::DEFAULTS
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting)
                if setting.starts_with("[[") || setting.split_once(" = ").is_some_and(|(key, _)| is_key(key)) =>
            {
                setting
            }
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let whole = Node::parse("barid.toml", &uncommented).unwrap();
    let missing: Vec<&String> = asked.iter().filter(|name| !is_there(&whole, name)).collect();
    assert!(missing.is_empty(), "not in config/barid.toml: {missing:?}");
    // And what is written behind the marks is right: files alone do not exist here.
    let files_of_a_machine =
        ["there is no such file", "the file `/etc/barid/credentials/", "`categories`, `", "`labelled`, `"];
    let is_of_a_machine = |problem: &Problem| files_of_a_machine.iter().any(|start| problem.message.starts_with(start));
    let (_, problems, _) = read(&whole, None, &Environment::default());
    let problems: Vec<&Problem> = problems.iter().filter(|problem| !is_of_a_machine(problem)).collect();
    assert!(problems.is_empty(), "{problems:?}");
}

fn is_key(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

fn is_there(node: &Node, name: &str) -> bool {
    match name.split_once('.') {
        Some((first, rest)) => node.get(first).is_some_and(|below| is_there(below, rest)),
        None => node.get(name).is_some(),
    }
}

#[test]
fn every_variable_of_the_example_is_read() {
    let example = include_str!("../../config/barid.env.example");
    for name in Secrets::names().into_iter().chain(["WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_BUSINESS_ACCOUNT_ID"]) {
        assert!(example.contains(&format!("\n{name}=")), "{name}");
    }
}

#[test]
fn the_answers_that_ship_are_right_with_their_marks_removed() {
    let uncommented: String = answers::FAQ
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[[") || rest.split_once(" = ").is_some_and(|(key, _)| is_key(key)) => rest,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let config = Config::load(None, &Environment::default()).unwrap();
    assert!(config.load_faq().unwrap().entries().is_empty(), "nothing is answered unless somebody wants it");
    let faq = crate::domain::faq::Faq::parse("faq.toml", &uncommented, &config.brand).unwrap();
    assert_eq!(faq.entries().len(), 2);
    assert_eq!(faq.answer("متى تفتحون؟").map(|entry| entry.id.as_str()), Some("opening-hours"));
}

#[test]
fn answers_of_ones_own_and_office_hours() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    let hours = "[{ days = [\"SUN\", \"MON\"], from = \"08:00\", to = \"12:00\" }]";
    std::fs::write(
        &file,
        format!("[answers]\nfaq = \"mine.toml\"\n[answers.office_hours]\nhours = {hours}\nholidays = [2026-09-23, \"2026-02-22\"]\n"),
    )
    .unwrap();
    let config = Config::load(Some(&file), &Environment::default()).unwrap();
    let hours = config.answers.office_hours.as_ref().unwrap();
    assert_eq!((hours.timezone.name(), hours.hours.len(), hours.holidays.len()), ("Asia/Riyadh", 1, 2));
    assert!(config.answers.escalation_words.is_said("موظف!") && config.answers.escalation_words.is_said("Agent"));
    assert_eq!(config.load_faq().unwrap_err().file, dir.path().join("mine.toml"), "relative to the file that names it");
    std::fs::write(
        &file,
        "[answers]\nstaff_told_again_after = \"2d\"\nescalation_words = { ar = [\"قف\"], en = [\"?\"] }\n\
         [answers.office_hours]\nhours = [{ days = [\"SON\"], from = \"8\", to = \"12:00\" }]\nholidays = [\"soon\"]\n\
         [answers.loop_guard]\nanswers_max = 0\nburts = \"1m\"\n",
    )
    .unwrap();
    let said = problems(Config::load(Some(&file), &Environment::default())).join("\n");
    insta::assert_snapshot!(said.replace(&file.display().to_string(), "barid.toml"), @"
    barid.toml:2: `staff_told_again_after` must be shorter than `handed_back_after`: people would never be told again
    barid.toml:3: `escalation_words` has `قف`, which is a stop or start word and is heard as such; take another
    barid.toml:3: `escalation_words` has `?`, in which there is neither letter nor digit
    barid.toml:5: `days` holds something that is `SON`, but must be one of `MON`, `TUE`, `WED`, `THU`, `FRI`, `SAT`, `SUN`
    barid.toml:5: `from` is `8`, but must be a time of day such as `21:00`
    barid.toml:6: `holidays` holds something that is `soon`, but must be a date such as `2026-09-23`
    barid.toml:8: `answers_max` is 0, but must be from 1 to 4294967295
    barid.toml:9: unknown key `burts` in `[answers.loop_guard]`; did you mean `burst`?
    ");
}

#[test]
fn later_layers_win() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\n[redis]\nnamespace = \"a\"\n[log]\nlevel = \"warn\"\n")
        .unwrap();
    std::fs::create_dir(dir.path().join("barid.d")).unwrap();
    std::fs::write(dir.path().join("barid.d/20.toml"), "[redis]\nnamespace = \"c\"\n").unwrap();
    std::fs::write(dir.path().join("barid.d/10.toml"), "[redis]\nnamespace = \"b\"\n[queue]\nsweep = \"1s\"\n")
        .unwrap();
    std::fs::write(dir.path().join("barid.d/30.toml.example"), "nonsense").unwrap();
    let env = environment(&[
        ("BARID__LOG__LEVEL", "debug"),
        ("WHATSAPP_PHONE_NUMBER_ID", "900000000000001"),
        ("BARID__QUEUE__CONCURRENCY__NEWS", "7"),
        ("BARID__LINKS__ALLOWED_HOSTS", "[\"e.com\"]"),
    ]);
    let config = Config::load(Some(&file), &env).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:1");
    assert_eq!((config.redis.namespace.as_str(), config.log.level.as_str()), ("c", "debug"));
    assert_eq!((config.queue.sweep.as_secs(), config.queue.concurrency.news), (1, 7));
    assert!(config.allowed_hosts.check("https://other.com").is_err());
    assert_eq!(config.senders[0].id.as_str(), "900000000000001");
    assert_eq!(config.senders[0].name.as_str(), "default");
}

#[test]
fn relative_paths_start_at_the_file_that_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    std::fs::write(&file, "state_dir = \"state\"\n[jobs]\ndir = \"/etc/jobs\"\n").unwrap();
    std::fs::create_dir(dir.path().join("templates")).unwrap();
    let config = Config::load(Some(&file), &Environment::default()).unwrap();
    assert_eq!(config.state_dir, dir.path().join("state"));
    assert_eq!(config.templates_dir, dir.path().join("templates"), "found beside the file");
    assert_eq!(config.campaigns_dir(), Path::new("/etc/jobs/campaigns"));
    assert!(config.store_url().expose().ends_with("/state/barid.db"));
}

#[test]
fn what_is_wrong_in_the_environment_is_told_by_its_name() {
    let env = environment(&[
        ("BARID__SERVER__LISEN", "x"),
        ("BARID__QUEUE__LEASE", "5"),
        ("BARID__WHATSAPP__APP_SECRET", "hush"),
        ("WHATSAPP_PHONE_NUMBER_ID", "1"),
        ("BARID__WHATSAPP__PHONE_NUMBER_ID", "2"),
        ("BARID__", "x"),
    ]);
    insta::assert_snapshot!(problems(Config::load(None, &env)).join("\n"), @r#"
    environment variable BARID__: is not the name of a setting; write `BARID__SECTION__KEY`
    environment variable BARID__QUEUE__LEASE: `lease` is 5 of what? Say the unit, as in `"5s"`
    environment variable BARID__SERVER__LISEN: unknown key `lisen` in `[server]`; did you mean `listen`?
    environment variable BARID__WHATSAPP__APP_SECRET: `app_secret` is a secret and does not belong here; set the environment variable WHATSAPP_APP_SECRET, or WHATSAPP_APP_SECRET_FILE to the path of a file, or a systemd credential `whatsapp_app_secret`
    environment variable WHATSAPP_PHONE_NUMBER_ID: `BARID__WHATSAPP__PHONE_NUMBER_ID` says something else; set one of them
    "#);
}

fn secret_file(dir: &Path, name: &str, text: &str, mode: u32) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.display().to_string()
}

#[test]
fn secrets_come_from_variables_files_and_credentials() {
    use secrecy::ExposeSecret as _;
    let dir = tempfile::tempdir().unwrap();
    let credentials = dir.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    secret_file(&credentials, "whatsapp-webhook-verify-token", "word\n", 0o400);
    let token_file = secret_file(dir.path(), "token", "from-a-file\r\n", 0o600);
    secret_file(dir.path(), "api", "api-token", 0o600);
    let file = dir.path().join("barid.toml");
    std::fs::write(&file, "[secrets]\nbarid_api_token_file = \"api\"\n").unwrap();
    let env = environment(&[
        ("WHATSAPP_API_TOKEN_FILE", &token_file),
        ("WHATSAPP_APP_SECRET", "app secret"),
        ("SMTP_URL", ""),
        ("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap()),
    ]);
    let config = Config::load(Some(&file), &env).unwrap();
    let shown =
        |secret: &Option<secrecy::SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    assert_eq!(shown(&config.secrets.whatsapp_api_token).as_deref(), Some("from-a-file"));
    assert_eq!(shown(&config.secrets.whatsapp_app_secret).as_deref(), Some("app secret"));
    assert_eq!(shown(&config.secrets.whatsapp_webhook_verify_token).as_deref(), Some("word"));
    assert_eq!(shown(&config.secrets.barid_api_token).as_deref(), Some("api-token"));
    assert_eq!(shown(&config.secrets.smtp_url), None, "empty is not set");
    let printed = format!("{config:?}{env:?}");
    for secret in ["from-a-file", "app secret", "api-token"] {
        assert!(!printed.contains(secret), "{secret}");
    }
    assert_eq!(config.missing_for_serving().len(), 1, "only the number is missing: {:?}", config.missing_for_serving());
}

#[test]
fn a_secret_that_everybody_can_read_or_that_is_given_twice_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let open = secret_file(dir.path(), "open", "secret", 0o644);
    let good = secret_file(dir.path(), "good", "secret", 0o600);
    let empty = secret_file(dir.path(), "empty", "\n", 0o600);
    let env = environment(&[
        ("WHATSAPP_API_TOKEN_FILE", &open),
        ("WHATSAPP_APP_SECRET", "a"),
        ("WHATSAPP_APP_SECRET_FILE", &good),
        ("SMTP_URL_FILE", &empty),
        ("TWILIO_AUTH_TOKEN_FILE", "/nowhere/at/all"),
    ]);
    let told = problems(Config::load(None, &env)).join("\n").replace(dir.path().to_str().unwrap(), "DIR");
    insta::assert_snapshot!(told, @"
    environment variable SMTP_URL_FILE: the file `DIR/empty` is empty
    environment variable TWILIO_AUTH_TOKEN_FILE: the file `/nowhere/at/all`: there is no such file
    environment variable WHATSAPP_API_TOKEN_FILE: the file `DIR/open` can be read by everybody on this machine; run `chmod 600 DIR/open`
    environment variable WHATSAPP_APP_SECRET_FILE: gives WHATSAPP_APP_SECRET a second time; environment variable WHATSAPP_APP_SECRET gives it too, keep one of them
    ");
}

#[test]
fn the_numbers_of_a_portfolio_share_its_tier() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    let load = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Config::load(Some(&file), &Environment::default())
    };
    let config = load(
        r#"
        [whatsapp]
        phone_number_id = "1"
        business_account_id = "10"
        [[senders]]
        name = "same-account"
        phone_number_id = "2"
        tier = 2000
        [[senders]]
        name = "other-account"
        phone_number_id = "3"
        business_account_id = "30"
        tier = "unlimited"
        "#,
    );
    let shown = |config: Config| -> Vec<String> {
        let senders = config.senders.iter();
        senders.map(|s| format!("{} {} {:?}", s.name, s.portfolio, s.tier.and_then(|tier| tier.people()))).collect()
    };
    let expected = ["default 10 Some(2000)", "same-account 10 Some(2000)", "other-account 30 None"];
    assert_eq!(shown(config.unwrap()), expected, "an account is a portfolio, unless another one is named");

    let two = |portfolio: &str| {
        load(&format!(
            "[whatsapp]\nphone_number_id = \"1\"\nportfolio = \"ours\"\ntier = 250\n\
             [[senders]]\nname = \"second\"\nphone_number_id = \"2\"\nbusiness_account_id = \"30\"\ntier = 2000\n{portfolio}"
        ))
    };
    let told = problems(two("")).join("\n");
    assert!(
        told.ends_with(
            "the senders `default` and `second` belong to the portfolio `ours`, which has one tier, but have 250 and 2000; \
             give both the same, or each the `portfolio` that it belongs to"
        ),
        "{told}"
    );
    let config = two("portfolio = \"theirs\"").unwrap();
    assert_eq!(shown(config), ["default ours Some(250)", "second theirs Some(2000)"]);
    let told = problems(two("portfolio = \"{a}\"")).join("\n");
    assert!(told.contains("`portfolio` must be 1 to 64 letters"), "{told}");
}

#[test]
fn what_is_dangerous_together_is_warned_of() {
    let env = environment(&[
        ("BARID__DELIVERY__LEASE", "20s"),
        ("BARID__DELIVERY__UNKNOWN_AFTER", "10s"),
        ("BARID__SERVER__LISTEN", "0.0.0.0:8080"),
        ("BARID__SERVER__OPS_LISTEN", "0.0.0.0:9090"),
        ("BARID__SERVER__DRAIN", "5s"),
        ("BARID__WHATSAPP__GRAPH_URL", "http://graph.example.com/"),
        ("BARID_API_TOKEN", "short"),
        ("BARID__EMAIL__FROM", "voice@example.com"),
    ]);
    let config = Config::load(None, &env).unwrap();
    insta::assert_snapshot!(config.warnings().join("\n"), @"
    `[delivery] lease` is shorter than `connect_timeout` and `answer_timeout` together: calls that still run would be taken for dead and become unknown; make it longer
    `[delivery] unknown_after` is shorter than `answer_timeout`: it would decide before the answer can come; make it longer
    `[server] listen` is open to other machines, but WHATSAPP_APP_SECRET is not set: callbacks cannot be checked and all are refused
    `[server] ops_listen` is open to other machines: metrics and health belong on a private address only
    BARID_API_TOKEN is shorter than 24 characters and could be guessed; make one with `openssl rand -hex 24`
    `[whatsapp] graph_url` is plain http to another machine: the token and every message could be read on the way
    `[server] drain` is shorter than `[delivery] answer_timeout`: stopping may leave calls without an answer
    the channel `email` cannot be used: SMTP_URL is not set (`smtps://user:password@mail.example.com:465`)
    ");
    insta::assert_snapshot!(config.missing_for_serving().join("\n"), @"
    WHATSAPP_API_TOKEN is not set (the access token of a system user, to send with); set it, or WHATSAPP_API_TOKEN_FILE to the path of a file
    WHATSAPP_APP_SECRET is not set (the app's secret, to check Meta's signatures with); set it, or WHATSAPP_APP_SECRET_FILE to the path of a file
    WHATSAPP_WEBHOOK_VERIFY_TOKEN is not set (a word of your own, the same as in the app's webhook settings); set it, or WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE to the path of a file
    there is no number to send from; set WHATSAPP_PHONE_NUMBER_ID, or `phone_number_id` in `[whatsapp]`
    ");
}

#[test]
fn a_channel_that_can_be_used_has_a_pace_and_authorities_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    std::fs::write(&file, "[email]\nfrom = \"voice@example.com\"\nca_file = \"ca.pem\"\nmps = 3\n").unwrap();
    let env = environment(&[("SMTP_URL", "smtps://mail.example.com")]);
    let missing = || Config::load(Some(&file), &env).unwrap().missing_for(Channel::Email).join("\n");
    assert!(missing().ends_with("ca.pem`: there is no such file"), "{}", missing());
    std::fs::write(dir.path().join("ca.pem"), "not one").unwrap();
    assert!(missing().contains("holds no certificate"), "{}", missing());
    let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
    std::fs::write(dir.path().join("ca.pem"), pem).unwrap();
    let config = Config::load(Some(&file), &env).unwrap();
    assert_eq!(config.email.authorities, Ok(Some(pem.as_bytes().to_vec())));
    assert_eq!(config.paces(), [(Channel::Email, 3)], "Twilio is not set up");
    let twilio = [("TWILIO_ACCOUNT_SID", "AC1"), ("TWILIO_AUTH_TOKEN", "t"), ("BARID__TWILIO__SMS_FROM", "VOC")];
    let config = Config::load(None, &environment(&twilio)).unwrap();
    assert_eq!(config.paces(), [(Channel::Sms, 10)], "as shipped");
}

#[test]
fn a_password_in_a_file_is_warned_of_and_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    std::fs::write(&file, "[store]\nurl = \"postgres://barid:hush@localhost/barid\"\n").unwrap();
    let env = environment(&[("BARID__REDIS__URL", "redis://:hush@localhost")]);
    let config = Config::load(Some(&file), &env).unwrap();
    assert_eq!(config.warnings(), ["`[store] url` holds a password in a file; set BARID__STORE__URL in its place"]);
    assert!(!format!("{config:?}").contains("hush"));
}

#[test]
fn a_mistake_in_the_settings_does_not_hide_one_in_a_campaign() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("barid.toml");
    std::fs::create_dir_all(dir.path().join("jobs/campaigns")).unwrap();
    std::fs::write(dir.path().join("jobs/campaigns/spring.toml"), "purpose = \"x\"\n").unwrap();
    std::fs::write(&file, "[server]\nlisen = \"127.0.0.1:1\"\n[jobs]\ndir = \"jobs\"\n").unwrap();
    let told = check(Some(&file), &Environment::default()).to_string();
    assert!(told.contains("unknown key `lisen`") && told.contains("spring.toml:1: `purpose`"), "{told}");
}

#[test]
fn a_template_that_is_wrong_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let messages = dir.path().join("messages");
    let brand = Config::load(None, &Environment::default()).unwrap().brand;
    let put = |name: &str, file: &str, text: &str| {
        std::fs::create_dir_all(messages.join(name)).unwrap();
        std::fs::write(messages.join(name).join(file), text).unwrap();
    };
    for name in ["good", "no-english", "broken", "Bad Name"] {
        put(
            name,
            "template.toml",
            "name = \"t\"\ncategory = \"utility\"\nlanguage_codes = { ar = \"ar\", en = \"en\" }\n",
        );
        put(name, "sample.toml", "[contact]\nname = \"Amal\"\n");
        put(name, "ar.hbs", "مرحبًا {{contact.name}} وأهلًا\n");
        put(name, "en.hbs", "\u{feff}Hello {{contact.name}}, welcome\r\nhere\r\n");
    }
    std::fs::remove_file(messages.join("no-english/en.hbs")).unwrap();
    put("broken", "en.hbs", "Hello\n{{contact.name\n");
    put("broken", "sample.toml", "contact = 1\n");
    let (templates, errors) = templates::Templates::load(dir.path(), &brand);
    let good = templates.get(&"good".parse().unwrap()).unwrap();
    let english = crate::domain::language::Language::En;
    assert_eq!(good.text(good.sample(english)).unwrap(), "Hello Amal, welcome\nhere");
    assert_eq!(templates.names().collect::<Vec<_>>(), ["good"]);
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(told.join("\n").replace(dir.path().to_str().unwrap(), "DIR"), @"
    DIR/messages/Bad Name: the folder gives the template its name, but `Bad Name` is not a name of at most 64 lower-case letters, digits, `-` and `_`
    DIR/messages/broken/sample.toml:1: `contact` must be a table `[contact]`, not a whole number
    DIR/messages/broken/en.hbs:2: this is not Handlebars; each `{{` needs its `}}`, and each quote its other half
    DIR/messages/no-english/en.hbs: there is no such file; add it
    ");
}
