//! Texts that Meta need not approve: what flows and answers say inside the service window. As strict as templates: the same helpers,
//! and a variable that nobody knows is an error at load.

use super::text::{Text, Variable};
use super::{ByLanguage, RenderError, Values};
use crate::domain::document::Table;
use crate::domain::language::Language;
use crate::domain::problem::{Place, Problem};

/// A compiled text in one language.
#[derive(Debug, Clone)]
pub struct FreeText(Text);

/// A variable of a text.
#[derive(Debug, Clone, Copy)]
pub struct FreeVariable<'a>(&'a Variable);

impl FreeVariable<'_> {
    /// Its parts: `contact.name` has two.
    pub fn path(&self) -> Vec<&str> {
        self.0.path.iter().map(String::as_str).collect()
    }

    /// As it is written.
    pub fn name(&self) -> String {
        self.0.name()
    }

    /// Whether the text can do without it (`{{default contact.name "…"}}`).
    pub fn is_optional(&self) -> bool {
        self.0.is_optional
    }
}

impl FreeText {
    /// Compiles a text that stands at `place`.
    ///
    /// # Errors
    /// Everything that is wrong with it, at that place.
    pub fn compile(place: &Place, source: &str, language: Language) -> Result<Self, Vec<Problem>> {
        let at_place = |problems: Vec<Problem>| {
            problems.into_iter().map(|problem| place.problem(format!("in `{language}`: {}", problem.message))).collect()
        };
        Text::compile_free("text", source, language).map(Self).map_err(at_place)
    }

    /// Every variable in it.
    pub fn variables(&self) -> impl Iterator<Item = FreeVariable<'_>> {
        self.0.variables().map(FreeVariable)
    }

    /// The text with its values.
    ///
    /// # Errors
    /// When a value is missing or of no use.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        Ok(self.0.render(values.context())?.trim().to_owned())
    }

    /// The text with its values, and without those that are missing or of no use: a conversation cannot be held up for them.
    pub fn render_what_is_there(&self, values: &Values) -> (String, Vec<RenderError>) {
        let (text, errors) = self.0.render_what_is_there(values.context());
        (text.trim().to_owned(), errors)
    }
}

/// Reads `KEY = { ar = "…", en = "…" }`; both languages must be there. `None` has been noted as a problem, or the key is not there.
pub fn read_texts(table: &Table<'_>, key: &'static str) -> Option<ByLanguage<FreeText>> {
    table.optional_table(key, |texts| {
        let read = |language: Language| {
            let code = language.code();
            let source: String = texts.required(code)?;
            if source.trim().is_empty() {
                texts.problem(code, format!("`{key}` is empty in `{code}`; write what is said"));
                return None;
            }
            let place = texts.node(code)?.place.clone();
            FreeText::compile(&place, &source, language)
                .map_err(|problems| problems.into_iter().for_each(|problem| texts.note(problem)))
                .ok()
        };
        let (ar, en) = (read(Language::Ar), read(Language::En));
        Some(ByLanguage { ar: ar?, en: en? })
    })?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::CampaignValue;
    use crate::domain::template::Brand;

    fn values(language: Language) -> Values {
        let brand = Brand { name: CampaignValue::from("Barid"), signature: CampaignValue::from("Care") };
        Values::new(language, &Default::default(), &brand)
            .with_group("answers", [("visit".to_owned(), "soon".to_owned())])
    }

    fn compiled(source: &str) -> Result<FreeText, Vec<String>> {
        FreeText::compile(&Place::line("f.toml", 7), source, Language::En)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_cannot_be_filled_in_is_left_out_and_told() {
        let text = compiled("Hello {{contact.name}} of {{brand.name}}, on {{date answers.visit}}.").unwrap();
        assert!(text.render(&values(Language::En)).is_err());
        let (said, errors) = text.render_what_is_there(&values(Language::En));
        assert_eq!(said, "Hello  of Barid, on .");
        assert_eq!(errors.len(), 2, "{errors:?}");
    }

    #[test]
    fn mistakes_are_told_at_the_place_of_the_text_in_words_that_fit() {
        assert_eq!(
            compiled("{{#if a}}b{{/if}}").unwrap_err(),
            [
                "f.toml:7: in `en`: blocks such as `{{#if}}` are not possible here; use `default` or `plural`, or another step"
            ]
        );
        assert!(compiled("{{> opt-out}}").unwrap_err()[0].contains("write the words here"));
        assert!(compiled("{{nmber a}}").unwrap_err()[0].contains("did you mean `number`?"));
        assert!(compiled("{{a").unwrap_err()[0].contains("not Handlebars"));
    }
}
