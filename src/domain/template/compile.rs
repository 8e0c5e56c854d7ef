//! From a Handlebars source to a [`Text`]: which pieces are fixed, which are parameters, and what Meta could never approve.

use std::collections::BTreeMap;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template, TemplateErrorReason};

use super::helpers;
use super::text::{Expression, Piece, Text, Variable};
use crate::domain::language::Language;
use crate::domain::problem::{Place, Problem, did_you_mean, listed};

/// Partials within partials beyond this depth are taken for a circle.
const DEPTH_MAX: usize = 8;

impl Text {
    /// Compiles a text. `partials` are the sources of partials by name, each with its path.
    pub(super) fn compile(
        path: &str,
        source: &str,
        language: Language,
        partials: &BTreeMap<String, (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        Self::compile_for(Reader::Meta, path, source, language, partials)
    }

    /// Compiles a text that nobody approves.
    pub(super) fn compile_free(path: &str, source: &str, language: Language) -> Result<Self, Vec<Problem>> {
        Self::compile_for(Reader::NobodyBefore, path, source, language, &BTreeMap::new())
    }

    fn compile_for(
        reader: Reader,
        path: &str,
        source: &str,
        language: Language,
        partials: &BTreeMap<String, (String, String)>,
    ) -> Result<Self, Vec<Problem>> {
        let mut compiler = Compiler {
            text: Self { language, pieces: Vec::new(), expressions: Vec::new() },
            problems: Vec::new(),
            partials,
            reader,
        };
        // The line end of the last line belongs to the file, not to the message.
        compiler.add(path, source.trim_end(), 0);
        if compiler.problems.is_empty() { Ok(compiler.text) } else { Err(compiler.problems) }
    }
}

/// Who reads the text before people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Meta approves it.
    Meta,
    /// It is sent inside the service window as it is.
    NobodyBefore,
}

struct Compiler<'a> {
    text: Text,
    problems: Vec<Problem>,
    partials: &'a BTreeMap<String, (String, String)>,
    reader: Reader,
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
                            let is_bare = inner.params.is_empty() && inner.hash.is_empty();
                            // The three-brace form differs only in escaping, which is off.
                            let element = TemplateElement::Expression(inner.clone());
                            self.expression(Expression { element, name, variables, is_plain, is_bare });
                        }
                        Err(problems) => self.problems.extend(problems),
                    }
                }
                TemplateElement::PartialExpression(_) if self.reader == Reader::NobodyBefore => {
                    self.problems.push(place.problem("partials are for message templates; write the words here"));
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
                _ if self.reader == Reader::NobodyBefore => self.problems.push(place.problem(
                    "blocks such as `{{#if}}` are not possible here; use `default` or `plural`, or another step",
                )),
                _ => self.problems.push(place.problem(
                    "blocks such as `{{#if}}` are not possible: Meta approves one fixed text; use `default` or `plural`, or a template of its own",
                )),
            }
        }
    }

    fn fixed(&mut self, place: &Place, text: String) {
        if self.reader == Reader::Meta && (text.contains("{{") || text.contains("}}")) {
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
