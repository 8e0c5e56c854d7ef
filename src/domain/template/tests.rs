use std::collections::BTreeMap;

use super::*;
use crate::domain::campaign::{CampaignValue, CampaignValues, Scalar};
use crate::domain::consent::Consent;
use crate::domain::contact::Contact;
use crate::domain::ids::ContactId;

fn both(ar: &str, en: &str) -> CampaignValue {
    CampaignValue::ByLanguage { ar: Scalar::Text(ar.into()), en: Scalar::Text(en.into()) }
}

fn brand() -> Brand {
    Brand {
        name: both("بريد", "Barid"), signature: both("فريق تجربة العملاء", "The Customer Experience Team")
    }
}

/// A template in the making; each test changes what it is about.
struct Draft {
    manifest: String,
    ar: String,
    en: String,
    sample: String,
    partials: BTreeMap<String, ByLanguage<SourceFile>>,
}

impl Draft {
    fn new(ar: &str, en: &str) -> Self {
        Self {
            manifest: "name = \"welcome\"\ncategory = \"utility\"\nlanguage_codes = { ar = \"ar\", en = \"en_US\" }\n".into(),
            ar: ar.into(),
            en: en.into(),
            sample: "[contact]\nname = { ar = \"أمل\", en = \"Omar\" }\nvisit = \"2026-11-22\"\npoints = \"1200\"\n\
                     [values]\ntitle = { ar = \"استبيان\", en = \"Survey\" }\nlink = \"https://e.com/s\"\ncode = \"A1\"\n"
                .into(),
            partials: BTreeMap::new(),
        }
    }

    fn manifest(mut self, more: &str) -> Self {
        self.manifest.push_str(more);
        self
    }

    fn partial(mut self, name: &str, ar: &str, en: &str) -> Self {
        let file =
            |language: &str, text: &str| SourceFile { path: format!("{name}/{language}.hbs"), text: text.into() };
        self.partials.insert(name.into(), ByLanguage { ar: file("ar", ar), en: file("en", en) });
        self
    }

    fn compile(self) -> Result<MessageTemplate, Vec<String>> {
        let file = |name: &str, text: String| SourceFile { path: name.to_owned(), text };
        let source = TemplateSource {
            name: "welcome".parse().unwrap(),
            manifest: file("template.toml", self.manifest),
            ar: file("ar.hbs", self.ar),
            en: file("en.hbs", self.en),
            sample: file("sample.toml", self.sample),
            partials: self.partials,
            beside: [("sample.pdf", 900), ("big.png", 6_000_000), ("empty.mp4", 0)]
                .map(|(name, bytes)| (name.to_owned(), FileBeside { path: format!("welcome/{name}"), bytes }))
                .into(),
        };
        MessageTemplate::compile(&source, &brand())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }
}

fn contact(language: Language, name: Option<&str>, attributes: &[(&str, &str)]) -> Contact {
    Contact {
        id: ContactId::new(1),
        phone: None,
        bsuid: None,
        name: name.map(str::to_owned),
        language,
        timezone: "Asia/Riyadh".into(),
        email: None,
        tags: vec![],
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        consent: Consent::default(),
    }
}

fn values(language: Language, name: Option<&str>, attributes: &[(&str, &str)]) -> Values {
    let campaign: CampaignValues = [
        ("title".to_owned(), both("استبيان", "Survey")),
        ("link".to_owned(), CampaignValue::from("https://e.com/s")),
        ("code".to_owned(), CampaignValue::from("A1")),
    ]
    .into();
    Values::new(language, &campaign, &brand()).with_contact(&contact(language, name, attributes))
}

fn parameters(content: Content) -> TemplateContent {
    match content {
        Content::Template(template) => template,
        _ => panic!("a template was expected"),
    }
}

fn body_of(content: Content) -> Vec<(Option<String>, String)> {
    parameters(content).body.into_iter().map(|parameter| (parameter.name, parameter.text)).collect()
}

#[test]
fn one_source_serves_approval_parameters_and_plain_text() {
    let template = Draft::new(
        "مرحبًا {{contact.name}}، ندعوك إلى {{title}} يا {{contact.name}}: {{link}} شكرًا",
        "Hello {{contact.name}}, here is {{title}} for {{contact.name}}: {{link}} Thanks",
    )
    .compile()
    .unwrap();
    let approval = template.body_for_approval(Language::En).unwrap();
    assert_eq!(approval.text, "Hello {{contact_name}}, here is {{title}} for {{contact_name}}: {{link}} Thanks");
    let samples: Vec<&str> = approval.samples.iter().map(|sample| sample.text.as_str()).collect();
    assert_eq!(samples, ["Omar", "Survey", "https://e.com/s"], "the same expression is the same named parameter");

    let english = values(Language::En, Some("Sara"), &[]);
    let content = parameters(template.content(&english).unwrap());
    assert_eq!((content.name.as_str(), content.language_code.as_str()), ("welcome", "en_US"));
    assert_eq!(
        body_of(template.content(&english).unwrap()),
        [("contact_name", "Sara"), ("title", "Survey"), ("link", "https://e.com/s")]
            .map(|(name, text)| (Some(name.to_owned()), text.to_owned()))
    );
    assert_eq!(template.text(&english).unwrap(), "Hello Sara, here is Survey for Sara: https://e.com/s Thanks");
    let arabic = values(Language::Ar, Some("Sara"), &[]);
    assert_eq!(
        template.text(&arabic).unwrap(),
        "مرحبًا \u{2068}Sara\u{2069}، ندعوك إلى استبيان يا \u{2068}Sara\u{2069}: https://e.com/s شكرًا"
    );
}

#[test]
fn positional_parameters_repeat() {
    let template = Draft::new(
        "أ {{contact.name}} ب {{title}} ج {{contact.name}} د",
        "a {{contact.name}} b {{title}} c {{contact.name}} d",
    )
    .manifest("parameter_format = \"positional\"\n")
    .compile()
    .unwrap();
    assert_eq!(template.body_for_approval(Language::En).unwrap().text, "a {{1}} b {{2}} c {{3}} d");
    let sent = body_of(template.content(&values(Language::En, Some("Sara"), &[])).unwrap());
    assert_eq!(sent, ["Sara", "Survey", "Sara"].map(|text| (None, text.to_owned())));
}

#[test]
fn each_helper_call_is_one_parameter_with_a_name_of_its_own() {
    let template = Draft::new(
        "في {{date contact.visit}} أو {{date contact.visit style=\"short\"}} لك {{number contact.points digits=\"arab\"}} نقطة",
        "On {{date contact.visit}} or {{date contact.visit style=\"short\"}} you had {{plural contact.points one=\"# point\" other=\"# points\"}}.",
    )
    .compile()
    .unwrap();
    assert_eq!(
        template.body_for_approval(Language::En).unwrap().text,
        "On {{date_contact_visit}} or {{date_contact_visit_2}} you had {{plural_contact_points}}."
    );
    let attributes = [("visit", "2026-12-01"), ("points", "1")];
    insta::assert_snapshot!(template.text(&values(Language::En, None, &attributes)).unwrap(), @"On Tuesday, 1 December 2026 or 01/12/2026 you had 1 point.");
    insta::assert_snapshot!(template.text(&values(Language::Ar, None, &attributes)).unwrap(), @"في الثلاثاء، 1 ديسمبر 2026 أو 1/12/2026 لك ١ نقطة");
}

#[test]
fn what_meta_would_refuse_in_a_parameter_is_cleaned() {
    let template = Draft::new("نص {{contact.name}} نص", "text {{contact.name}} text").compile().unwrap();
    let sent = |name: &str| body_of(template.content(&values(Language::En, Some(name), &[])).unwrap())[0].1.clone();
    assert_eq!(sent("  a\nb\tc         d\u{202e} "), "a b c    d");
    assert_eq!(sent("<b>&\"'=`{{x}}"), "<b>&\"'=`{{x}}", "nothing is escaped and a value is never a template");
}

#[test]
fn a_missing_value_is_named_and_a_default_helps() {
    let template =
        Draft::new("نص {{contact.name}} نص", "text {{default contact.name \"friend\"}} text").compile().unwrap();
    let missing = RenderError::Missing { variable: "contact.name".into() };
    assert_eq!(template.content(&values(Language::Ar, None, &[])).err(), Some(missing.clone()));
    assert_eq!(template.content(&values(Language::Ar, Some("  "), &[])).err(), Some(missing.clone()));
    assert_eq!(template.text(&values(Language::Ar, None, &[])).err(), Some(missing));
    assert_eq!(template.text(&values(Language::En, None, &[])).unwrap(), "text friend text");
}

#[test]
fn a_value_that_a_helper_cannot_use_is_named_but_not_shown() {
    let template = Draft::new("نص {{date contact.visit}} نص", "text {{date contact.visit}} text").compile().unwrap();
    let error = template.content(&values(Language::En, None, &[("visit", "secret 0501234567")])).err().unwrap();
    assert_eq!(
        error.to_string(),
        "the value of `contact.visit` cannot be used: the value for `date` is not a date such as `2026-12-01`"
    );
    let gone = template.content(&values(Language::En, None, &[])).err();
    assert_eq!(gone, Some(RenderError::Missing { variable: "contact.visit".into() }));
}

#[test]
fn a_text_that_gets_too_long_for_meta_is_an_error_before_sending() {
    let template = Draft::new("نص {{contact.name}} نص", "text {{contact.name}} text").compile().unwrap();
    let long = "x".repeat(1020);
    let error = template.content(&values(Language::En, Some(&long), &[])).err();
    assert_eq!(error, Some(RenderError::TooLong { part: "body", n: 1030, max: 1024 }));
}

#[test]
fn header_footer_and_buttons() {
    let template = Draft::new("نص {{contact.name}} نص", "text {{contact.name}} text")
        .manifest(
            "[header]\ntext = { ar = \"مرحبًا {{contact.name}} بك\", en = \"Welcome {{contact.name}}!\" }\n\
             [footer]\ntext = { ar = \"شكرًا\", en = \"Thanks\" }\n\
             [[buttons]]\ntype = \"quick-reply\"\ntext = { ar = \"نعم\", en = \"Yes\" }\npayload = \"yes\"\n\
             [[buttons]]\ntype = \"url\"\ntext = { ar = \"افتح\", en = \"Open\" }\nurl = \"https://e.com/s/{{code}}\"\n\
             [[buttons]]\ntype = \"phone\"\ntext = { ar = \"اتصل\", en = \"Call\" }\nphone = \"+966500000101\"\n",
        )
        .compile()
        .unwrap();
    let values = values(Language::En, Some("Sara"), &[]).with("code", "a b/ü");
    let content = parameters(template.content(&values).unwrap());
    insta::assert_json_snapshot!(content, @r#"
    {
      "name": "welcome",
      "language_code": "en_US",
      "header": {
        "kind": "text",
        "name": "contact_name",
        "text": "Sara"
      },
      "body": [
        {
          "name": "contact_name",
          "text": "Sara"
        }
      ],
      "buttons": [
        {
          "index": 0,
          "value": {
            "kind": "payload",
            "value": "yes"
          }
        },
        {
          "index": 1,
          "value": {
            "kind": "url_suffix",
            "value": "a%20b/%C3%BC"
          }
        }
      ]
    }
    "#);
    insta::assert_snapshot!(template.text(&values).unwrap(), @"
    Welcome Sara!

    text Sara text

    Open: https://e.com/s/a%20b/%C3%BC

    Call: +966500000101

    Thanks
    ");
    insta::assert_debug_snapshot!(template.buttons_for_approval(Language::En).unwrap(), @r#"
    [
        QuickReply {
            text: "Yes",
        },
        Url {
            text: "Open",
            url: "https://e.com/s/{{1}}",
            sample: Some(
                "https://e.com/s/A1",
            ),
        },
        Phone {
            text: "Call",
            phone: "+966500000101",
        },
    ]
    "#);
    assert_eq!(template.header_for_approval(Language::Ar).unwrap().unwrap().wording(), "مرحبًا {{contact_name}} بك");
    assert_eq!(template.footer(Language::Ar), Some("شكرًا"));
}

#[test]
fn a_partial_is_put_in_place_with_its_expressions() {
    let template = Draft::new("مرحبًا\n{{> bye}}\nنهاية", "Hello\n{{> bye}}\nend")
        .partial("bye", "من {{brand.name}} لك\n", "from {{brand.name}} to you\n")
        .compile()
        .unwrap();
    assert_eq!(template.body_for_approval(Language::En).unwrap().text, "Hello\nfrom {{brand_name}} to you\nend");
}

#[test]
fn everything_wrong_in_a_template_is_told_at_once_with_file_and_line() {
    let problems = Draft::new(
        "مرحبًا {{contact.nme}}\n{{#if title}}x{{/if}}\n{{titel}} نص",
        "{{contact.name}} hello\n{{shout title}} {{> nobody}} {{brand.nam}} {{a.b.c}} {{../x}} {{title}}",
    )
    .manifest("[footer]\ntext = { ar = \"ش\", en = \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\" }\n")
    .compile()
    .unwrap_err();
    insta::assert_snapshot!(problems.join("\n"), @"
    ar.hbs:2: blocks such as `{{#if}}` are not possible: Meta approves one fixed text; use `default` or `plural`, or a template of its own
    en.hbs:2: there is no helper `shout`; there are `date`, `default`, `isolate`, `money`, `number`, `plural`
    en.hbs:2: there is no partial `nobody` in `en`; add `templates/partials/nobody/en.hbs`
    en.hbs:2: `../x` is not a variable; use `contact.name`, `contact.ATTRIBUTE`, a value of the campaign, `brand.name` or `brand.signature`
    ");
}

#[test]
fn what_is_not_known_of_the_sample_is_a_misspelling() {
    let problems =
        Draft::new("مرحبًا {{contact.nme}}\n{{titel}} نص {{brand.nam}} نص {{a.b.c}} .", "hello").compile().unwrap_err();
    insta::assert_snapshot!(problems.join("\n"), @"
    ar.hbs:1: unknown variable `contact.nme`; give it a sample under `[contact]` in sample.toml; did you mean `name`?
    ar.hbs:2: unknown variable `titel`; give it a sample under `[values]` in sample.toml; did you mean `title`?
    ar.hbs:2: there is no `brand.nam`; there are `brand.name`, `brand.signature`
    ar.hbs:2: unknown variable `a.b.c`; values are not nested
    ");
}

#[test]
fn metas_limits_are_held_at_load() {
    let long = "x".repeat(1025);
    let draft = Draft::new("{{title}} نص", &long).manifest(
        "[header]\ntext = { ar = \"{{title}} {{code}}\", en = \"two\\nlines\" }\n\
         [[buttons]]\ntype = \"quick-reply\"\ntext = { ar = \"نعم\", en = \"a label that is far too long\" }\npayload = \"a b\"\n\
         [[buttons]]\ntype = \"url\"\ntext = { ar = \"افتح\", en = \"Open\" }\nurl = \"{{link}}\"\n\
         [[buttons]]\ntype = \"quick-reply\"\ntext = { ar = \"لا\", en = \"No\" }\npayload = \"no\"\n\
         [[buttons]]\ntype = \"phone\"\ntext = { ar = \"اتصل\", en = \"Call\" }\nphone = \"0500\"\n",
    );
    insta::assert_snapshot!(draft.compile().unwrap_err().join("\n"), @"
    ar.hbs: the body begins with a variable, which Meta refuses; put a word before it
    template.toml:5: the header has 2 variables, but Meta allows one
    template.toml:6: the payload of a button must be 1 to 64 letters, digits, `-`, `_` and `.`
    template.toml:10: the address of a button must begin with `https://` and a fixed host
    template.toml:18: the phone number of a button must be `+` and its digits with the country code
    en.hbs: the body has 1025 characters, but Meta allows 1024; shorten it
    template.toml:5: the header has more than one line; Meta allows one
    template.toml:8: the label of the button has 28 characters, but Meta allows 25; shorten it
    template.toml: quick replies must stand together, before or after the other buttons
    ");
}

#[test]
fn a_broken_manifest_is_told_whole() {
    let mut draft = Draft::new("نص", "text");
    draft.manifest =
        "name = \"Bad Name\"\ncategory = \"authentication\"\nlanguage_codes = { ar = \"en\", en = \"english\" }\n\
                      [[buttons]]\ntype = \"link\"\ntext = { ar = \"x\" }\nadress = \"x\"\n"
            .into();
    insta::assert_snapshot!(draft.compile().unwrap_err().join("\n"), @"
    template.toml:1: `name` is `Bad Name`, but Meta allows only lower-case letters, digits and `_`, at most 512
    template.toml:3: the language code for `ar` is `en`, but must be `ar` or one of its regions such as `ar_SA`
    template.toml:3: the language code for `en` is `english`, but must be `en` or one of its regions such as `en_US`
    template.toml:2: `category` is `authentication`, which is not supported: one-time codes have rules of their own
    template.toml:6: `en` is missing in `[buttons.text]`
    template.toml:5: `type` is `link`, but must be one of `url`, `quick-reply`, `phone`
    template.toml:7: unknown key `adress` in `[buttons]`; there are `type`, `text`, `url`, `payload`, `phone`
    ");
}

#[test]
fn the_values_that_a_campaign_brings_are_known() {
    let template =
        Draft::new("نص {{title}} {{default code \"-\"}} نص", "text {{link}} {{contact.name}} text").compile().unwrap();
    assert_eq!(template.required_values().into_iter().collect::<Vec<_>>(), ["link", "title"]);
    assert_eq!(template.known_values().into_iter().collect::<Vec<_>>(), ["code", "link", "title"]);
}

#[test]
fn an_attribute_may_have_any_name() {
    let mut draft = Draft::new("طلب {{contact.[رقم الطلب]}} نص", "order {{contact.[رقم الطلب]}} text");
    draft.sample = "[contact]\n\"رقم الطلب\" = \"7\"\n".into();
    let template = draft.compile().unwrap();
    assert_eq!(template.body_for_approval(Language::En).unwrap().text, "order {{contact}} text");
    let sent = body_of(template.content(&values(Language::En, None, &[("رقم الطلب", "12")])).unwrap());
    assert_eq!(sent, [(Some("contact".to_owned()), "12".to_owned())]);
}

fn with_header(lines: &str) -> Result<MessageTemplate, Vec<String>> {
    let text = "Your report {{title}} is here.";
    Draft::new(text, text).manifest(&format!("[header]\n{lines}\n")).compile()
}

#[test]
fn a_header_of_media_has_a_sample_for_approval_and_an_address_for_each_message() {
    let template = with_header(
        "media = \"document\"\nsample = \"sample.pdf\"\nfilename = { ar = \"تقرير.pdf\", en = \"report.pdf\" }\n\
         link = \"https://cdn.example.org/r/{{code}}\"",
    )
    .unwrap();
    let header = template.header_for_approval(Language::Ar).unwrap().unwrap();
    assert_eq!((header.wording().as_str(), header.line().is_none()), ("(document)", true));
    let sample = header.sample().unwrap();
    assert_eq!((sample.path.as_str(), sample.mime_type, sample.bytes), ("welcome/sample.pdf", "application/pdf", 900),);
    let values = values(Language::Ar, Some("أمل"), &[]);
    let content = parameters(template.content(&values).unwrap());
    assert_eq!(
        serde_json::to_value(&content.header).unwrap(),
        serde_json::json!({
            "kind": "media", "media": "document", "source": {"link": "https://cdn.example.org/r/A1"}, "filename": "تقرير.pdf",
        })
    );
    assert!(template.text(&values).unwrap().starts_with("تقرير.pdf: https://cdn.example.org/r/A1\n\n"));
    assert_eq!(template.subject(&values).unwrap(), None);
    assert!(template.required_values().contains("code"), "the address needs it");

    let picture = with_header("media = \"image\"\nsample = \"sample.png\"\nlink = \"https://cdn.example.org/a.png\"");
    assert_eq!(
        picture.unwrap_err(),
        ["template.toml:6: there is no file `sample.png` beside template.toml; add it: Meta's reviewers are shown it"]
    );
}

#[test]
fn what_is_wrong_with_a_header_of_media_is_told_with_its_line() {
    let problems = |lines: &str| with_header(lines).unwrap_err().join("\n");
    let link = "link = \"https://cdn.example.org/a\"";
    let all = [
        problems(&format!("media = \"image\"\nsample = \"sample.pdf\"\n{link}")),
        problems(&format!("media = \"image\"\nsample = \"big.png\"\n{link}")),
        problems(&format!("media = \"video\"\nsample = \"empty.mp4\"\n{link}")),
        problems(&format!("media = \"image\"\nsample = \"big.png\"\n{link}\nfilename = \"x.png\"")),
        problems(&format!("media = \"video\"\nsample = \"empty.mp4\"\n{link}\ntext = {{ ar = \"x\", en = \"x\" }}")),
        problems("media = \"document\"\nsample = \"sample.pdf\"\nlink = \"http://{{code}}/{{title}}.pdf\""),
        problems("media = \"audio\"\nsample = \"sample.pdf\"\nlink = \"https://cdn.example.org/a\""),
        problems("media = \"document\"\nsample = \"sample.pdf\""),
        problems(&format!("media = \"document\"\nsample = \"sample.pdf\"\n{link}\nfilename = \"{{{{title}}}}.pdf\"")),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    template.toml:6: the sample of the header is `sample.pdf`, but for `image` it must end in `jpg`, `jpeg`, `png`
    template.toml:6: the file `big.png` has 6000000 bytes, but Meta takes 5242880 for `image`; make it smaller
    template.toml:6: the file `empty.mp4` is empty
    template.toml:8: only a document has a `filename`; leave it out
    template.toml:8: a header has either `text` or `media`; leave one out
    template.toml:7: the address of the header must begin with `https://` and a fixed host
    template.toml:7: the address of the header may have one variable, at its very end
    template.toml:5: `media` is `audio`, but must be one of `image`, `video`, `document`
    template.toml:4: `link` is missing in `[header]`
    template.toml:8: the `filename` of the header cannot have variables
    ");
}
