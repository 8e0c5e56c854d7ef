//! One compiled Handlebars text: fixed pieces and the expressions between them. `compile.rs` makes it.

use handlebars::template::TemplateElement;
use handlebars::{Context, RenderContext, Renderable, StringOutput};
use serde_json::Value as Json;

use super::RenderError;
use super::{direction, helpers, limits};
use crate::domain::language::Language;
use crate::domain::message::TemplateParameter;
use crate::domain::problem::Place;

/// A text ready to be rendered.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) language: Language,
    pub(super) pieces: Vec<Piece>,
    /// Each expression once, however often it stands in the text.
    pub(super) expressions: Vec<Expression>,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Fixed(String),
    Expression(usize),
}

/// What stands between `{{` and `}}`.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) element: TemplateElement,
    /// The name of Meta's parameter.
    pub(super) name: String,
    /// The variables in it.
    pub(super) variables: Vec<Variable>,
    /// Whether the value is taken as it is, so that its direction is not known.
    pub(super) is_plain: bool,
    /// Whether it is a variable and nothing else.
    pub(super) is_bare: bool,
}

/// A variable of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    /// `contact.name`, `survey_link`, …
    pub(super) path: Vec<String>,
    /// Whether the expression can do without it.
    pub(super) is_optional: bool,
    /// Where it stands.
    pub(super) place: Place,
}

impl Variable {
    /// As it is written in the template.
    pub(super) fn name(&self) -> String {
        self.path.join(".")
    }

    fn of<'a>(&self, context: &'a Context) -> Option<&'a Json> {
        self.path.iter().try_fold(context.data(), |value, key| value.get(key))
    }

    fn is_in(&self, context: &Context) -> bool {
        self.of(context).is_some_and(|value| !value.is_null())
    }
}

impl Text {
    /// Every variable in it.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.expressions.iter().flat_map(|expression| &expression.variables)
    }

    /// The expressions in the order of Meta's parameters: named ones once each, positional ones at each place.
    pub(super) fn parameters(&self, named: bool) -> Vec<&Expression> {
        if named {
            return self.expressions.iter().collect();
        }
        let places = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(index) => Some(&self.expressions[*index]),
            Piece::Fixed(_) => None,
        });
        places.collect()
    }

    /// The text with Meta's placeholders for the expressions.
    pub(super) fn with_placeholders(&self, named: bool) -> String {
        let mut position = 0;
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Expression(index) if named => {
                    text.push_str(&format!("{{{{{}}}}}", self.expressions[*index].name));
                }
                Piece::Expression(_) => {
                    position += 1;
                    text.push_str(&format!("{{{{{position}}}}}"));
                }
            }
        }
        text
    }

    /// The text with its values.
    pub(super) fn render(&self, context: &Context) -> Result<String, RenderError> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Expression(index) => text.push_str(&self.value(&self.expressions[*index], context)?),
            }
        }
        Ok(text)
    }

    /// The text with its values, without those that cannot be had, and why they cannot.
    pub(super) fn render_what_is_there(&self, context: &Context) -> (String, Vec<RenderError>) {
        let (mut text, mut errors) = (String::new(), Vec::new());
        for piece in &self.pieces {
            match piece {
                Piece::Fixed(fixed) => text.push_str(fixed),
                Piece::Expression(index) => match self.value(&self.expressions[*index], context) {
                    Ok(value) => text.push_str(&value),
                    Err(error) => errors.push(error),
                },
            }
        }
        (text, errors)
    }

    /// The value of an expression, clean and in its own direction.
    fn value(&self, expression: &Expression, context: &Context) -> Result<String, RenderError> {
        let value = expression.evaluate(self.language, context)?;
        if !expression.is_plain {
            return Ok(value);
        }
        Ok(direction::isolated(direction::cleaned(&value).trim().to_owned(), self.language))
    }

    /// The value of an expression as a parameter of an approved template.
    pub(super) fn parameter(&self, expression: &Expression, context: &Context) -> Result<String, RenderError> {
        let value = expression.evaluate(self.language, context)?;
        let value = if expression.is_plain { direction::cleaned(&value) } else { value };
        let value = direction::as_parameter(&value);
        if value.is_empty() {
            return Err(RenderError::Missing { variable: expression.described() });
        }
        Ok(if expression.is_plain { direction::isolated(value, self.language) } else { value })
    }

    /// The fixed text before the first and after the last expression; `None` for a text without expressions.
    pub(super) fn ends(&self) -> Option<(&str, &str)> {
        if self.expressions.is_empty() {
            return None;
        }
        Some((fixed_of(self.pieces.first()), fixed_of(self.pieces.last())))
    }

    /// How many characters the text has with these parameters, which are its own, in order.
    pub(super) fn length_with(&self, parameters: &[TemplateParameter]) -> usize {
        let named = parameters.iter().any(|parameter| parameter.name.is_some());
        let mut position = 0;
        let mut length = 0;
        for piece in &self.pieces {
            length += match piece {
                Piece::Fixed(text) => limits::length(text),
                Piece::Expression(index) => {
                    let at = if named { *index } else { position };
                    position += 1;
                    parameters.get(at).map_or(0, |parameter| limits::length(&parameter.text))
                }
            };
        }
        length
    }

    /// Whether there is nothing to fill in.
    pub(super) fn is_fixed(&self) -> bool {
        self.expressions.is_empty()
    }
}

fn fixed_of(piece: Option<&Piece>) -> &str {
    match piece {
        Some(Piece::Fixed(text)) => text,
        _ => "",
    }
}

impl Expression {
    fn evaluate(&self, language: Language, context: &Context) -> Result<String, RenderError> {
        // What most expressions are needs no engine: a text is inserted as it stands.
        if self.is_bare
            && let [variable] = self.variables.as_slice()
            && let Some(Json::String(text)) = variable.of(context)
        {
            return Ok(text.clone());
        }
        let mut output = StringOutput::new();
        let mut state = RenderContext::new(None);
        match self.element.render(helpers::engine(language), context, &mut state, &mut output) {
            Ok(()) => Ok(output.into_string().expect("it was written as text")),
            Err(error) => Err(match self.variables.iter().find(|var| !var.is_optional && !var.is_in(context)) {
                Some(variable) => RenderError::Missing { variable: variable.name() },
                None => RenderError::Wrong { variable: self.described(), because: error.reason().to_string() },
            }),
        }
    }

    fn described(&self) -> String {
        self.variables.first().map_or_else(|| self.name.clone(), Variable::name)
    }
}
