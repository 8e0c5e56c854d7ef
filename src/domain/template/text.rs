//! One compiled Handlebars text: fixed pieces and the expressions between them.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Context, Path, PathSeg, RenderContext, Renderable, StringOutput, Template, TemplateErrorReason};

use super::RenderError;
use super::{direction, helpers, limits};
use crate::domain::language::Language;
use crate::domain::message::TemplateParameter;
use crate::domain::problem::{Place, Problem, did_you_mean, listed};

/// Partials within partials beyond this depth are taken for a circle.
const DEPTH_MAX: usize = 8;

/// A text ready to be rendered.
#[derive(Debug, Clone)]
pub(super) struct Text {
    language: Language,
    pieces: Vec<Piece>,
    /// Each expression once, however often it stands in the text.
    expressions: Vec<Expression>,
}

#[derive(Debug, Clone)]
enum Piece {
    Fixed(String),
    Expression(usize),
}

/// What stands between `{{` and `}}`.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    element: TemplateElement,
    /// The name of Meta's parameter.
    pub(super) name: String,
    /// The variables in it.
    pub(super) variables: Vec<Variable>,
    /// Whether the value is taken as it is, so that its direction is not known.
    is_plain: bool,
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

    fn is_in(&self, context: &Context) -> bool {
        let found = self.path.iter().try_fold(context.data(), |value, key| value.get(key));
        found.is_some_and(|value| !value.is_null())
    }
}

impl Text {
    /// Compiles a text. `partials` are the sources of partials by name, each with its path.
    pub(super) fn compile(
        path: &str,
        source: &str,
        language: Language,
        partials: &BTreeMap<String, (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut compiler = Compiler {
            text: Self { language, pieces: Vec::new(), expressions: Vec::new() },
            problems: Vec::new(),
            partials,
        };
        // The line end of the last line belongs to the file, not to the message.
        compiler.add(path, source.trim_end(), 0);
        if compiler.problems.is_empty() { Ok(compiler.text) } else { Err(compiler.problems) }
    }

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

struct Compiler<'a> {
    text: Text,
    problems: Vec<Problem>,
    partials: &'a BTreeMap<String, (String, String)>,
}

impl Compiler<'_> {
    fn add(&mut self, path: &str, source: &str, depth: usize) {
        let template = match Template::compile(source) {
            Ok(template) => template,
            Err(error) => {
                let line = error.pos().map_or(1, |(line, _)| line);
                let because = match error.reason() {
                    // What the parser expected at this point helps nobody who writes messages.
                    TemplateErrorReason::InvalidSyntax(_) => {
                        "; each `{{` needs its `}}`, and each quote its other half".to_owned()
                    }
                    reason => format!(": {reason}"),
                };
                self.problems.push(Place::line(path, line).problem(format!("this is not Handlebars{because}")));
                return;
            }
        };
        for (element, at) in template.elements.into_iter().zip(template.mapping) {
            let place = Place::line(path, at.0);
            match element {
                TemplateElement::RawString(text) => self.fixed(&place, text),
                TemplateElement::Expression(ref inner) | TemplateElement::HtmlExpression(ref inner) => {
                    match expression(inner, &place) {
                        Ok((name, variables, is_plain)) => {
                            // The three-brace form differs only in escaping, which is off.
                            let element = TemplateElement::Expression(inner.clone());
                            self.expression(Expression { element, name, variables, is_plain });
                        }
                        Err(problems) => self.problems.extend(problems),
                    }
                }
                TemplateElement::PartialExpression(partial) => {
                    let name = partial.name.as_name().unwrap_or_default().to_owned();
                    if !partial.params.is_empty() || !partial.hash.is_empty() {
                        self.problems.push(place.problem(format!("the partial `{name}` takes no parameters")));
                    } else {
                        self.partial(&place, &name, depth);
                    }
                }
                TemplateElement::Comment(_) => {}
                _ => self.problems.push(place.problem(
                    "blocks such as `{{#if}}` are not possible: Meta approves one fixed text; use `default` or `plural`, or a template of its own",
                )),
            }
        }
    }

    fn fixed(&mut self, place: &Place, text: String) {
        if text.contains("{{") || text.contains("}}") {
            self.problems
                .push(place.problem("double braces cannot be part of the text: Meta would take them for a parameter"));
        }
        match self.text.pieces.last_mut() {
            Some(Piece::Fixed(before)) => before.push_str(&text),
            _ => self.text.pieces.push(Piece::Fixed(text)),
        }
    }

    fn expression(&mut self, mut expression: Expression) {
        let expressions = &mut self.text.expressions;
        let index = expressions.iter().position(|known| known.element == expression.element).unwrap_or_else(|| {
            let taken = |name: &str| expressions.iter().any(|known| known.name == name);
            let mut number = 2;
            let stem = expression.name.clone();
            while taken(&expression.name) {
                expression.name = format!("{stem}_{number}");
                number += 1;
            }
            expressions.push(expression);
            expressions.len() - 1
        });
        self.text.pieces.push(Piece::Expression(index));
    }

    fn partial(&mut self, place: &Place, name: &str, depth: usize) {
        match self.partials.get(name) {
            _ if depth >= DEPTH_MAX => {
                self.problems
                    .push(place.problem(format!(
                        "the partial `{name}` ends in a circle; partials may not include themselves"
                    )));
            }
            Some((path, source)) => {
                let (path, source) = (path.clone(), source.clone());
                self.add(&path, &source, depth + 1);
            }
            None => {
                let known = did_you_mean(name, self.partials.keys().map(String::as_str));
                let code = self.text.language.code();
                self.problems.push(place.problem(format!(
                    "there is no partial `{name}` in `{code}`; add `templates/partials/{name}/{code}.hbs`{known}"
                )));
            }
        }
    }
}

/// What an expression is: the name of its parameter, its variables, and whether it gives a value as it is.
fn expression(inner: &HelperTemplate, place: &Place) -> Result<(String, Vec<Variable>, bool), Vec<Problem>> {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    let is_call = !inner.params.is_empty() || !inner.hash.is_empty();
    let (stem, is_plain) = if is_call {
        let helper = inner.name.as_name().unwrap_or_default();
        check_helper(helper, place, &mut problems);
        collect(helper, inner.params.iter(), inner.hash.values(), place, &mut variables, &mut problems);
        (if helper == "default" { String::new() } else { format!("{helper}_") }, helper == "default")
    } else {
        collect_one(&inner.name, false, place, &mut variables, &mut problems);
        (String::new(), true)
    };
    if !problems.is_empty() {
        return Err(problems);
    }
    let subject = variables.first().map_or_else(|| "value".to_owned(), |variable| variable.path.join("_"));
    Ok((parameter_name(&format!("{stem}{subject}")), variables, is_plain))
}

/// Meta takes lower-case letters, digits and underscores.
/// Source: `/documentation/business-messaging/whatsapp/templates/overview`, checked 2026-11.
fn parameter_name(text: &str) -> String {
    let plain: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    match plain.trim_matches('_') {
        "" => "value".to_owned(),
        name if name.starts_with(|c: char| c.is_ascii_digit()) => format!("value_{name}"),
        name => name.to_owned(),
    }
}

fn check_helper(name: &str, place: &Place, problems: &mut Vec<Problem>) {
    if !helpers::NAMES.contains(&name) {
        let nearest = did_you_mean(name, helpers::NAMES);
        problems.push(place.problem(format!("there is no helper `{name}`{nearest}")));
    }
}

fn collect<'a>(
    helper: &str,
    params: impl Iterator<Item = &'a Parameter>,
    hash: impl Iterator<Item = &'a Parameter>,
    place: &Place,
    variables: &mut Vec<Variable>,
    problems: &mut Vec<Problem>,
) {
    for (index, param) in params.enumerate() {
        collect_one(param, helper == "default" && index == 0, place, variables, problems);
    }
    for param in hash {
        collect_one(param, false, place, variables, problems);
    }
}

fn collect_one(
    param: &Parameter,
    is_optional: bool,
    place: &Place,
    variables: &mut Vec<Variable>,
    problems: &mut Vec<Problem>,
) {
    match param {
        Parameter::Name(name) => {
            variables.push(Variable { path: vec![name.clone()], is_optional, place: place.clone() });
        }
        Parameter::Path(path) => match names_of(path) {
            Some(path) => variables.push(Variable { path, is_optional, place: place.clone() }),
            None => problems.push(place.problem(format!(
                "`{}` is not a variable; use {}, a value of the campaign, `brand.name` or `brand.signature`",
                param.as_name().unwrap_or_default(),
                listed(["contact.name", "contact.ATTRIBUTE"]),
            ))),
        },
        Parameter::Literal(_) => {}
        Parameter::Subexpression(inner) => {
            check_helper(inner.name(), place, problems);
            let params = inner.params().into_iter().flatten();
            let hash = inner.hash().into_iter().flat_map(|hash| hash.values());
            collect(inner.name(), params, hash, place, variables, problems);
        }
        _ => problems.push(place.problem("this kind of expression is not possible in a message")),
    }
}

/// The names of a path, unless it is `this`, `../x`, `@root` or the like.
fn names_of(path: &Path) -> Option<Vec<String>> {
    match path {
        Path::Relative((segments, _)) if !segments.is_empty() => segments
            .iter()
            .map(|segment| match segment {
                PathSeg::Named(name) => Some(name.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}
