//! `[nlp] mode = "off"`: the language, which answers need, and nothing else.

use async_trait::async_trait;

use crate::domain::analysis::{Analysis, Model};
use crate::domain::detected_language::detect;
use crate::domain::question::is_question;
use crate::ports::{Analyzer, AnalyzerError};

/// Tells the language only; takes microseconds.
#[derive(Debug)]
pub(super) struct LanguageOnly;

fn model() -> Model {
    Model { name: "language-only".to_owned(), version: "1".to_owned() }
}

#[async_trait]
impl Analyzer for LanguageOnly {
    async fn analyse(&self, texts: &[String]) -> Result<Vec<Analysis>, AnalyzerError> {
        let read = |text: &String| Analysis {
            language: detect(text),
            sentiment: None,
            category: None,
            is_question: is_question(text),
            model: model(),
        };
        Ok(texts.iter().map(read).collect())
    }

    fn model(&self) -> Option<Model> {
        Some(model())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::detected_language::DetectedLanguage;

    #[tokio::test]
    async fn the_language_is_told_and_nothing_else() {
        let read = LanguageOnly.analyse(&["متى يوصل الطلب".to_owned(), "👍".to_owned()]).await.unwrap();
        assert_eq!((read[0].language, read[0].is_question), (DetectedLanguage::Ar, true));
        assert!(read.iter().all(|analysis| analysis.sentiment.is_none() && analysis.category.is_none()));
        assert_eq!(LanguageOnly.model().as_ref(), Some(&read[1].model));
    }
}
