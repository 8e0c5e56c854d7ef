use super::*;

fn all_are(language: DetectedLanguage, texts: &[&str]) {
    for text in texts {
        assert_eq!(detect(text), language, "{text}");
    }
}

#[test]
fn scripts_and_words_tell() {
    all_are(
        DetectedLanguage::Ar,
        &[
            "الخدمة ممتازة",
            "شكرا",
            "تـــمام",
            "وصل الطلب من Amazon اليوم",
            "رقم الطلب AB-5512",
            "انا عميل في KFC من زمان",
        ],
    );
    all_are(
        DetectedLanguage::En,
        &["Great service", "stop", "Ok", "I don’t like it", "see you at 5pm", "iPhone15 is broken"],
    );
    all_are(DetectedLanguage::Mixed, &["ال service ممتاز", "the driver كان لطيف", "Love your شاورما so much"]);
    all_are(DetectedLanguage::ArLatn, &["shokran", "el 5edma 7elwa", "inshallah bukra", "mesh 3agebny el app"]);
}

#[test]
fn other_languages_and_no_words_are_other() {
    all_are(
        DetectedLanguage::Other,
        &[
            "",
            "   ",
            "👍",
            "10/10",
            "٥٥",
            "…",
            "https://example.com/great-service",
            "someone@example.com",
            "Bonjour, merci pour votre aide",
            "यह बहुत अच्छा है",
            "Спасибо большое",
            "谢谢",
            "بہت شکریہ",
            "سرویس شما خیلی خوب است",
            "غذا خيلي بد بود",
            "terima kasih banyak",
            "abschnitt ordner aktivieren",
            "maraming salamat po",
        ],
    );
}

#[test]
fn letters_of_a_persian_keyboard_and_borrowed_ones_stay_arabic() {
    all_are(
        DetectedLanguage::Ar,
        &["شکرا علی الخدمة", "چاي الكرك عندكم لذيذ", "فی المطعم كان كل شي حلو", "گهوتكم زينة"],
    );
}

#[test]
fn answers_go_out_in_a_language_that_the_sender_reads() {
    assert_eq!(DetectedLanguage::ArLatn.answer_in(), Some(Language::Ar));
    assert_eq!(DetectedLanguage::Mixed.answer_in(), None);
    for language in DetectedLanguage::ALL {
        assert_eq!(DetectedLanguage::from_code(language.code()), Some(language));
        let written = serde_json::to_value(language).unwrap();
        assert_eq!(written, language.code(), "stored and shown alike");
    }
}

#[test]
fn what_strangers_send_does_no_harm() {
    let long = "كلمة word ".repeat(100_000);
    assert_eq!(detect(&long), DetectedLanguage::Mixed);
    for text in ["\u{0}\u{1}", "'", "’’’", "\u{202E}abc", "a\u{0301}\u{0301}", "\u{FDFA}"] {
        let _ = detect(text);
    }
}
