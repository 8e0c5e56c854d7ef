//! Which column holds what: the header row of a contacts file.

use std::collections::HashSet;

use crate::domain::problem::listed;

/// More columns than any list of customers has; a file beyond it is something else.
const COLUMNS_MAX: usize = 200;

/// Longer names of free columns cannot be used in a campaign file.
const NAME_CHARS_MAX: usize = 64;

/// `opted_out` as [`bare`] leaves it: an export says who sent a stop word, and no list may bring that back or take it away.
const EXPORTED_ONLY: &str = "optedout";

/// A column that barid knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    Phone,
    Name,
    Language,
    Timezone,
    Email,
    Tags,
    Consent,
}

impl Known {
    const ALL: [Self; 7] =
        [Self::Phone, Self::Name, Self::Language, Self::Timezone, Self::Email, Self::Tags, Self::Consent];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Language => "language",
            Self::Timezone => "timezone",
            Self::Email => "email",
            Self::Tags => "tags",
            Self::Consent => "consent",
        }
    }

    /// Other names under which lists have it, as [`bare`] leaves them. They count only where the name itself is absent.
    const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Phone => &[
                "phonenumber",
                "mobile",
                "mobilenumber",
                "mobilephone",
                "msisdn",
                "whatsapp",
                "whatsappnumber",
                "telephone",
                "هاتف",
                "الهاتف",
                "رقمالهاتف",
                "جوال",
                "الجوال",
                "رقمالجوال",
                "موبايل",
                "الموبايل",
                "رقمالموبايل",
                "واتساب",
                "رقمالواتساب",
                "الرقم",
            ],
            Self::Name => &["fullname", "customername", "اسم", "الاسم", "الاسمالكامل", "اسمالعميل"],
            Self::Language => &["lang", "locale", "لغه", "اللغه"],
            Self::Timezone => &["tz", "المنطقهالزمنيه", "التوقيت"],
            Self::Email => &["mail", "emailaddress", "البريد", "البريدالالكتروني", "الايميل", "ايميل"],
            Self::Tags => &["tag", "labels", "وسوم", "الوسوم"],
            Self::Consent => &["optin", "موافقه", "الموافقه"],
        }
    }
}

/// What a column is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Known(Known),
    /// A free attribute, under this name.
    Attribute(String),
    /// What an export tells and an import may not change.
    LeftAlone,
}

/// The columns of a file in their order.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    columns: Vec<(String, Column)>,
}

impl Columns {
    /// Reads the header row. The error names everything that is wrong with it.
    pub(super) fn read(header: &[String]) -> Result<Self, Vec<String>> {
        let mut names: Vec<String> =
            header.iter().map(|name| name.trim().trim_start_matches('\u{FEFF}').to_owned()).collect();
        // Spreadsheets export empty columns at the right edge; a column without a name but with values is found in its rows.
        while names.last().is_some_and(String::is_empty) {
            names.pop();
        }
        let mut problems = Vec::new();
        if names.len() > COLUMNS_MAX {
            problems.push(format!(
                "it has {} columns, which is more than {COLUMNS_MAX}; keep those that you need",
                names.len()
            ));
            return Err(problems);
        }
        let bare_names: Vec<String> = names.iter().map(|name| bare(name)).collect();
        let mut columns: Vec<(String, Column)> = names
            .into_iter()
            .map(|name| {
                let attribute = attribute_name(&name);
                (name, Column::Attribute(attribute))
            })
            .collect();
        for known in Known::ALL {
            let of = |spelled: &dyn Fn(&str) -> bool| -> Vec<usize> {
                (0..bare_names.len()).filter(|index| spelled(&bare_names[*index])).collect()
            };
            let mut found = of(&|name| name == known.name());
            if found.is_empty() {
                found = of(&|name| known.aliases().contains(&name));
            }
            match found.as_slice() {
                [] => {}
                [index] => columns[*index].1 = Column::Known(known),
                several => problems.push(format!(
                    "the columns {} could all be `{}`; keep one and rename the others",
                    listed(several.iter().map(|index| columns[*index].0.as_str())),
                    known.name()
                )),
            }
        }
        for (column, bare_name) in columns.iter_mut().zip(&bare_names) {
            if bare_name == EXPORTED_ONLY {
                column.1 = Column::LeftAlone;
            }
        }
        let has_phone = columns.iter().any(|(_, column)| *column == Column::Known(Known::Phone));
        if !has_phone && problems.is_empty() && columns.iter().any(|(name, _)| looks_like_a_value(name)) {
            // Errors name columns, and these may be a person.
            problems.push(
                "there is no column `phone`, and the first row looks like a person; put a row with the names of the columns above it, \
                 such as `phone,name,language`"
                    .to_owned(),
            );
            return Err(problems);
        }
        problems.extend(wrong_names(&columns));
        if !has_phone && problems.is_empty() {
            let there = listed(columns.iter().map(|(name, _)| name.as_str()));
            let meant = columns.iter().find(|(name, _)| is_like_phone(&bare(name)));
            let meant = meant
                .map(|(name, _)| format!("rename `{name}` to `phone` if it holds the numbers; "))
                .unwrap_or_default();
            problems.push(format!(
                "there is no column `phone` among {there}; {meant}the first row must name the columns, and `phone` is required"
            ));
        }
        if problems.is_empty() { Ok(Self { columns }) } else { Err(problems) }
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }
}

/// Whether this is rather a phone number or an e-mail address than the name of a column.
fn looks_like_a_value(name: &str) -> bool {
    name.contains('@') || name.chars().filter(|letter| letter.is_numeric()).count() >= 6
}

/// What is wrong with the names themselves.
fn wrong_names(columns: &[(String, Column)]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for (number, (name, column)) in columns.iter().enumerate() {
        if name.is_empty() {
            problems.push(format!("column {} has no name; name it or remove it", number + 1));
        } else if name.chars().count() > NAME_CHARS_MAX {
            problems.push(format!(
                "the name of column {} is longer than {NAME_CHARS_MAX} characters; shorten it",
                number + 1
            ));
        } else if !seen.insert(bare(name)) {
            problems.push(format!("the column `{name}` stands there twice; rename or remove one"));
        } else if matches!(column, Column::Attribute(_))
            && let Some(meant) = Known::ALL.into_iter().find(|known| is_slip_of(&bare(name), known.name()))
        {
            problems.push(format!(
                "there is a column `{name}`; did you mean `{}`? rename it, or give a column of your own a name that differs more",
                meant.name()
            ));
        }
    }
    problems
}

/// The name under which campaign files and templates find an attribute: lower case, `_` for spaces and hyphens, so that `Bought on` of one
/// list and `bought_on` of the next are the same.
fn attribute_name(name: &str) -> String {
    let words: Vec<String> =
        name.split([' ', '-', '\u{a0}', '_']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    words.join("_")
}

/// A name without case, spaces, underscores, hyphens and the variants of Arabic letters.
fn bare(name: &str) -> String {
    name.chars()
        .flat_map(char::to_lowercase)
        .filter_map(|character| match character {
            ' '
            | '_'
            | '-'
            | '\u{a0}'
            | '\u{200B}'..='\u{200F}'
            | '\u{FEFF}'
            | '\u{0640}'
            | '\u{064B}'..='\u{0652}' => None,
            'أ' | 'إ' | 'آ' => Some('ا'),
            'ة' => Some('ه'),
            'ى' => Some('ي'),
            other => Some(other),
        })
        .collect()
}

/// Whether a name resembles one of those for the number. Only asked where the number is missing, so it may be generous.
fn is_like_phone(name: &str) -> bool {
    let names = Known::Phone.aliases().iter().chain(&["phone"]);
    names
        .into_iter()
        .any(|known| name.contains(known) || strsim::damerau_levenshtein(name, known) <= known.chars().count() / 4)
}

/// Whether a name is a known one mistyped. Strict for short names, so that `game` may be a column beside `name`.
fn is_slip_of(name: &str, known: &str) -> bool {
    if name.chars().any(|character| character.is_ascii_digit()) {
        return false;
    }
    let distance = strsim::damerau_levenshtein(name, known);
    if known.len() >= 7 {
        return (1..=2).contains(&distance);
    }
    let letters = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    let swapped = name != known && letters(name) == letters(known);
    let one_letter_less = distance == 1 && name.chars().count() + 1 == known.chars().count();
    let one_letter_doubled = distance == 1 && {
        let mut once: Vec<char> = name.chars().collect();
        once.dedup();
        once.into_iter().collect::<String>() == known
    };
    swapped || one_letter_less || one_letter_doubled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str) -> Result<Vec<Column>, String> {
        let header: Vec<String> = header.split(',').map(str::to_owned).collect();
        Columns::read(&header)
            .map(|columns| columns.iter().map(|(_, column)| column.clone()).collect())
            .map_err(|problems| problems.join(" | "))
    }

    #[test]
    fn known_columns_are_recognised_in_any_case_and_in_arabic() {
        use Known::*;
        let all = [Phone, Name, Language, Timezone, Email, Tags, Consent].map(Column::Known);
        for header in [
            "phone,name,language,timezone,email,tags,consent",
            "Phone,NAME, Language ,Time Zone,E-Mail,Tags,Consent",
            "رقم الجوال,الاسم,اللغة,المنطقة الزمنية,البريد الإلكتروني,الوسوم,الموافقة",
            "mobile,full name,lang,tz,mail,tag,opt-in",
        ] {
            assert_eq!(read(header).unwrap(), all, "{header}");
        }
    }

    #[test]
    fn every_other_column_is_an_attribute_and_a_known_name_wins_over_its_aliases() {
        use Column::*;
        let attribute = |name: &str| Attribute(name.to_owned());
        assert_eq!(
            read("phone,City,Bought on,mobile,تاريخ الشراء").unwrap(),
            [
                Known(super::Known::Phone),
                attribute("city"),
                attribute("bought_on"),
                attribute("mobile"),
                attribute("تاريخ_الشراء")
            ]
        );
        assert_eq!(read("phone,opted_out,city").unwrap()[1], LeftAlone);
        assert_eq!(read("phone,phone2,game,page,branch,stage,,").unwrap().len(), 6);
    }

    #[test]
    fn a_wrong_header_is_one_error_with_the_right_names() {
        for (header, expected) in [
            ("phne,name", "there is a column `phne`; did you mean `phone`?"),
            ("phone,langauge", "there is a column `langauge`; did you mean `language`?"),
            (
                "phone,nmae,emial",
                "`nmae`; did you mean `name`? rename it, or give a column of your own a name that differs more | there is a column `emial`; did you mean `email`?",
            ),
            ("customer,city", "there is no column `phone` among `customer`, `city`"),
            ("mobil,city", "rename `mobil` to `phone` if it holds the numbers"),
            ("customer phone no,city", "rename `customer phone no` to `phone`"),
            ("Amal,Amal,966500000101", "there is no column `phone`, and the first row looks like a person"),
            ("phone,city,City", "the column `City` stands there twice"),
            ("phone,,city", "column 2 has no name"),
            ("mobile,whatsapp", "the columns `mobile`, `whatsapp` could all be `phone`"),
            ("phone,Phone", "the columns `phone`, `Phone` could all be `phone`"),
        ] {
            let problems = read(header).unwrap_err();
            assert!(problems.contains(expected), "{header}: {problems}");
            assert!(!problems.contains("Amal"), "a person in {problems}");
        }
        assert!(read(&format!("phone,{}", "x".repeat(65))).unwrap_err().contains("longer than 64"));
        assert!(read(&vec!["x"; 201].join(",")).unwrap_err().contains("more than 200"));
    }
}
