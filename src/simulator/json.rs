//! JSON as Meta writes it: ASCII only, other characters as `\uXXXX` in lower case, slashes as `\/`.
//!
//! Meta signs the escaped bytes (developers.facebook.com/docs/graph-api/webhooks/getting-started, checked 2026-11-22), so a receiver that
//! decodes and encodes again before hashing must fail here as it would there.

/// A JSON text under construction. Writing by hand costs a tenth of a value tree, and the escapes are ours anyway.
#[derive(Debug, Default)]
pub(super) struct Json(Vec<u8>);

impl Json {
    /// An empty text with room for `bytes`.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Text that is JSON already.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// A string with its quotes, escaped.
    pub(super) fn string(&mut self, text: &str) -> &mut Self {
        self.0.push(b'"');
        escape(&mut self.0, text);
        self.0.push(b'"');
        self
    }

    /// A whole number.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        let mut digits = [0_u8; 20];
        let mut at = digits.len();
        let mut rest = number.unsigned_abs();
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.0.push(b'-');
        }
        self.0.extend_from_slice(&digits[at..]);
        self
    }

    /// A value tree, escaped like everything else.
    pub(super) fn value(&mut self, value: &serde_json::Value) -> &mut Self {
        use serde_json::Value;
        match value {
            Value::String(text) => self.string(text),
            Value::Array(items) => {
                self.raw("[");
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        self.raw(",");
                    }
                    self.value(item);
                }
                self.raw("]")
            }
            Value::Object(members) => {
                self.raw("{");
                for (at, (name, item)) in members.iter().enumerate() {
                    if at > 0 {
                        self.raw(",");
                    }
                    self.string(name).raw(":").value(item);
                }
                self.raw("}")
            }
            plain => self.raw(&plain.to_string()),
        }
    }

    /// The finished bytes.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A value tree as Meta would write it.
pub(super) fn encode(value: &serde_json::Value) -> Vec<u8> {
    let mut json = Json::with_capacity(256);
    json.value(value);
    json.into_bytes()
}

fn escape(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: u8| byte.is_ascii() && byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'/' | 0x7f);
    let bytes = text.as_bytes();
    // Runs of plain text are copied whole: nearly everything is.
    let mut start = 0;
    while start < bytes.len() {
        let run = bytes[start..].iter().position(|byte| !plain(*byte)).unwrap_or(bytes.len() - start);
        out.extend_from_slice(&bytes[start..start + run]);
        start += run;
        let Some(special) = text[start..].chars().next() else { break };
        match special {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '/' => out.extend_from_slice(b"\\/"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            other => {
                let mut units = [0_u16; 2];
                for unit in other.encode_utf16(&mut units) {
                    out.extend_from_slice(b"\\u");
                    for shift in [12, 8, 4, 0] {
                        out.push(b"0123456789abcdef"[usize::from((*unit >> shift) & 15)]);
                    }
                }
            }
        }
        start += special.len_utf8();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut json = Json::default();
        json.string(text);
        String::from_utf8(json.into_bytes()).unwrap()
    }

    #[test]
    fn everything_but_plain_ascii_is_escaped_in_lower_case() {
        assert_eq!(written("Größe/ا"), r#""Gr\u00f6\u00dfe\/\u0627""#);
        assert_eq!(written("a\"b\\c\n\t\u{1}"), r#""a\"b\\c\n\t\u0001""#);
        assert_eq!(written("👍"), r#""\ud83d\udc4d""#, "outside the basic plane: a surrogate pair");
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for text in ["", "plain", "مرحبا / hello", "👍🏽", "\u{0}\u{7f}\u{e000}", "\\u0041"] {
            assert_eq!(serde_json::from_str::<String>(&written(text)).unwrap(), text);
        }
        let tree = serde_json::json!({"a": [1, -2, null, true, 1.5], "ب": {"c/d": "é"}});
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&encode(&tree)).unwrap(), tree);
    }

    #[test]
    fn numbers_are_decimal() {
        for number in [0, 7, -1, 1_793_000_400, i64::MAX, i64::MIN] {
            let mut json = Json::default();
            json.number(number);
            assert_eq!(String::from_utf8(json.into_bytes()).unwrap(), number.to_string());
        }
    }
}
