//! Everything that the desk answers in these tests is held against its OpenAPI description: statuses, bodies, names of fields.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use axum::http::{Method, StatusCode};
use boon::{Compiler, Schemas};
use serde_json::Value;

static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| assistant::doors::openapi::description().unwrap());

/// Every property that any schema names.
static NAMES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut names = BTreeSet::new();
    collect(&DESCRIPTION["components"]["schemas"], &mut names);
    names
});

fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::Object(properties)) = fields.get("properties") {
                names.extend(properties.keys().cloned());
            }
            fields.values().for_each(|field| collect(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}

/// Fails where the description says otherwise.
pub fn check(method: &Method, path: &str, status: StatusCode, body: &Value) {
    let path = path.split('?').next().unwrap_or_default();
    let paths = DESCRIPTION["paths"].as_object().unwrap();
    let exact = paths.get_key_value(path);
    let template = exact.or_else(|| paths.iter().find(|(template, _)| fits(template, path)));
    let Some((template, operations)) = template else { return };
    let operation = &operations[method.as_str().to_lowercase()];
    if operation.is_null() {
        return;
    }
    let response = &operation["responses"][status.as_str()];
    let what = format!("{method} {template} {status}");
    assert!(response.is_object(), "{what} is not described: {body}");
    if response["content"]["application/json"]["schema"].is_null() {
        let fine = response["content"].is_object() || body.is_null();
        assert!(fine, "{what} has a body that is not described: {body}");
        return;
    }
    let place = [template, &*method.as_str().to_lowercase(), "responses", status.as_str()];
    validate(&place, body).unwrap_or_else(|error| panic!("{what} is not as described: {error} in {body}"));
    named(&what, body);
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t.starts_with('{') || t == p)
}

thread_local! {
    static COMPILED: RefCell<(Compiler, Schemas)> = {
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("mem:///openapi.json", DESCRIPTION.clone()).unwrap();
        RefCell::new((compiler, Schemas::new()))
    };
}

/// Holds a JSON body against the schema of a response.
fn validate(place: &[&str], body: &Value) -> Result<(), String> {
    let parts: Vec<String> = place.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    let pointer = format!("mem:///openapi.json#/paths/{}/content/application~1json/schema", parts.join("/"));
    let pointer = pointer.replace('{', "%7B").replace('}', "%7D");
    COMPILED.with_borrow_mut(|(compiler, schemas)| {
        let schema = compiler.compile(&pointer, schemas).map_err(|error| format!("{error:#}"))?;
        schemas.validate(body, schema).map_err(|error| format!("{error:#}"))
    })
}

/// Every field has a name that the description knows. What an audit record is about is free.
fn named(what: &str, body: &Value) {
    match body {
        Value::Object(fields) => {
            for (name, value) in fields {
                // The languages of the identity provider's label.
                assert!(
                    NAMES.contains(name) || ["bo", "zh"].contains(&&**name),
                    "{what}: `{name}` is not described"
                );
                if name != "detail" {
                    named(what, value);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| named(what, item)),
        _ => {}
    }
}
