//! The sentences of automatic answers that no file defines, signed by the brand.

use crate::domain::language::Language;
use crate::domain::template::Brand;

/// The one notice that a stop was heard.
pub(super) fn stopped(brand: &Brand, language: Language) -> String {
    let text = match language {
        Language::Ar => "تم إيقاف رسائلنا إليك، ولن تصلك رسائل أخرى منا. إن غيّرت رأيك فأرسل «ابدأ».",
        Language::En => "You will get no more messages from us. If you change your mind, write START.",
    };
    signed(text, brand, language)
}

/// That a start was heard.
pub(super) fn started(brand: &Brand, language: Language) -> String {
    let text = match language {
        Language::Ar => "أهلًا بك من جديد، ستصلك رسائلنا. للتوقف أرسل «إيقاف».",
        Language::En => "Welcome back. You will get our messages again. To end them, write STOP.",
    };
    signed(text, brand, language)
}

/// That a consent was heard.
pub(super) fn agreed(brand: &Brand, language: Language) -> String {
    let text = match language {
        Language::Ar => "شكرًا لك، سجّلنا موافقتك. للتوقف في أي وقت أرسل «إيقاف».",
        Language::En => "Thank you, we have noted that you agree. To end our messages at any time, write STOP.",
    };
    signed(text, brand, language)
}

/// That a consent was declined.
pub(super) fn declined(brand: &Brand, language: Language) -> String {
    let text = match language {
        Language::Ar => "سجّلنا أنك لا توافق، ولن نرسل لك ذلك.",
        Language::En => "We have noted that you do not agree, and will not send you this.",
    };
    signed(text, brand, language)
}

/// That people take over, with what may be promised, and the reference of what was sent.
pub(super) fn handed_over(brand: &Brand, promise: Option<&str>, reference: Option<&str>, language: Language) -> String {
    let mut text = match language {
        Language::Ar => "سيتولى أحد موظفينا محادثتك.".to_owned(),
        Language::En => "A member of our team will take over from here.".to_owned(),
    };
    if let Some(reference) = reference {
        text.push(' ');
        text.push_str(&match language {
            Language::Ar => format!("رقمك المرجعي {reference}."),
            Language::En => format!("Your reference is {reference}."),
        });
    }
    if let Some(promise) = promise {
        text.push(' ');
        text.push_str(promise);
    }
    signed(&text, brand, language)
}

/// That people were called and none of them wrote, and that barid answers again.
pub(super) fn nobody_came(brand: &Brand, language: Language) -> String {
    let text = match language {
        Language::Ar => {
            "نعتذر، لم يتمكن أحد من موظفينا من الرد عليك بعد. ما كتبته محفوظ لدينا. إن كنت ما زلت بحاجة إلى موظف فاطلبه من جديد."
        }
        Language::En => {
            "We are sorry that nobody has answered you yet. We have kept what you wrote. If you still need a member of our team, \
             please ask for one again."
        }
    };
    signed(text, brand, language)
}

fn signed(text: &str, brand: &Brand, language: Language) -> String {
    format!("{text}\n{}", brand.signature.in_language(language))
}
