//! What a PBX says of a call besides its sound: names and short values, bounded.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::leg::CallId;

/// The most names that are kept of one call.
const MOST: usize = 64;
/// The longest name, in bytes.
const LONGEST_NAME: usize = 64;
/// The longest value, in bytes.
const LONGEST_VALUE: usize = 512;

/// Names under which PBXes and dial plans say the call's own id, the likeliest first. (jambonz' `callId` is SIP's; its own is `callSid`.)
const CALL: [&str; 7] = ["call_id", "call_sid", "callsid", "uuid", "call_uuid", "callid", "call_control_id"];
/// The caller's number.
const CALLER: [&str; 9] = [
    "from",
    "caller",
    "caller_id",
    "callerid",
    "caller_id_number",
    "caller_number",
    "caller-number",
    "callerid(num)",
    "ani",
];
/// The number that was called.
const CALLED: [&str; 8] =
    ["to", "called", "callee", "called_number", "destination", "destination_number", "dnis", "exten"];

/// Names and values; names in lower case, values without control characters. What does not fit is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Of a query string that has been taken apart. A token is between us and the PBX, and is left out.
    pub(super) fn of_query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut variables = Self::default();
        for (name, value) in pairs {
            if !name.eq_ignore_ascii_case("token") {
                variables.insert(name, value);
            }
        }
        variables
    }

    /// Adds one; a later value stands instead of an earlier one.
    pub(super) fn insert(&mut self, name: &str, value: &str) {
        let fits = (1..=LONGEST_NAME).contains(&name.len()) && value.len() <= LONGEST_VALUE;
        let controls = |text: &str| text.chars().any(char::is_control);
        let name = name.to_lowercase();
        if fits && !controls(&name) && !controls(value) && (self.0.len() < MOST || self.0.contains_key(&name))
        {
            self.0.insert(name, value.to_owned());
        }
    }

    /// Adds what is a text, a number or a truth value of a JSON object; what is nested is left out.
    pub(super) fn insert_all(&mut self, object: &Map<String, Value>) {
        for (name, value) in object {
            if let Some(value) = scalar(value) {
                self.insert(name, &value);
            }
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn any(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.get(name)).find(|value| !value.is_empty())
    }

    /// The call's own id, where one is named.
    pub(super) fn call(&self) -> Option<CallId> {
        CALL.iter().filter_map(|name| self.get(name)).find_map(|value| value.parse().ok())
    }

    /// The caller's number.
    pub(super) fn caller(&self) -> Option<String> {
        self.any(&CALLER).map(str::to_owned)
    }

    /// The number that was called.
    pub(super) fn called(&self) -> Option<String> {
        self.any(&CALLED).map(str::to_owned)
    }

    pub(super) fn into_inner(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// A text, number or truth value as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The first of these fields that is a text or number.
pub(super) fn field(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| object.get(*name)).find_map(scalar)
}

/// A number that may be written as a text.
pub(super) fn number(object: &Map<String, Value>, names: &[&str]) -> Option<u32> {
    field(object, names)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_described_by_the_usual_names_and_a_token_is_left_out() {
        let query = [
            ("Lang", "bo"),
            ("token", "secret"),
            ("uuid", "b0ea45d5"),
            ("caller", ""),
            ("FROM", "13800001234"),
        ];
        let variables = Variables::of_query(query);
        assert_eq!(variables.get("lang"), Some("bo"));
        assert_eq!(variables.get("token"), None);
        assert_eq!(variables.call().unwrap().as_str(), "b0ea45d5");
        assert_eq!(variables.caller().unwrap(), "13800001234");
        assert_eq!(variables.called(), None);
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let mut variables = Variables::default();
        variables.insert(&"n".repeat(65), "v");
        variables.insert("", "v");
        variables.insert("long", &"v".repeat(513));
        variables.insert("controls", "a\r\nb");
        assert_eq!(variables, Variables::default());
        for number in 0..1_000 {
            variables.insert(&format!("n{number}"), "v");
        }
        variables.insert("n0", "another");
        assert_eq!(variables.0.len(), MOST);
        assert_eq!(variables.get("n0"), Some("another"));
    }
}
