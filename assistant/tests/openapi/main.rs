//! The OpenAPI description by itself: that it is OpenAPI, current, whole and true to its own schemas. What the server answers is
//! held against it in `tests/desk` (`contract`), what it serves in `tests/pages_and_health`.

#![allow(clippy::unwrap_used, reason = "a step that fails fails the test")]

use std::collections::BTreeSet;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

fn description() -> Value {
    assistant::doors::openapi::description().unwrap()
}

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| -> Vec<(String, Value)> {
        item.as_object()
            .unwrap()
            .iter()
            .map(|(method, _)| (format!("{method} {path}"), json!([path, method])))
            .collect()
    };
    paths
        .iter()
        .flat_map(of)
        .map(|(name, at)| (name, &document["paths"][at[0].as_str().unwrap()][at[1].as_str().unwrap()]))
        .collect()
}

/// What is wrong with a value by a schema, if anything.
fn wrong(schema: &Value, value: &Value) -> Option<String> {
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.enable_format_assertions();
    compiler.add_resource("mem:///schema.json", schema.clone()).unwrap();
    let found = compiler.compile("mem:///schema.json", &mut schemas).map_err(|error| format!("{error:#}"));
    found.and_then(|schema| schemas.validate(value, schema).map_err(|error| format!("{error:#}"))).err()
}

/// Every `$ref` in it.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(to) if name == "$ref" => drop(found.insert(to)),
                    _ => references(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_published_description_is_the_one_of_the_routes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let published = std::fs::read_to_string(path).expect("docs/openapi.json exists");
    assert!(
        published.trim_end() == serde_json::to_string_pretty(&description()).unwrap(),
        "docs/openapi.json is not current: run `assistant openapi > docs/openapi.json`"
    );
}

/// By the OpenAPI Initiative's own schema of OpenAPI 3.1 (spec.openapis.org/oas/3.1/schema/2022-10-07, Apache-2.0).
#[test]
fn it_is_openapi_3_1() {
    let official: Value = serde_json::from_str(include_str!("oas-3.1-schema-2022-10-07.json")).unwrap();
    let document = description();
    assert_eq!(wrong(&official, &document), None);
    // The schema would notice.
    let mut broken = document;
    broken["paths"]["/healthz"]["get"]["responses"]["200"].as_object_mut().unwrap().remove("description");
    assert!(wrong(&official, &broken).is_some());
}

#[test]
fn its_schemas_are_schemas_and_every_reference_leads_somewhere() {
    let document = description();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    let protocol = conversation::schema();
    for to in &found {
        let (file, pointer) = to.split_once('#').unwrap();
        let target = if file.is_empty() { document.pointer(pointer) } else { protocol.pointer(pointer) };
        assert!(target.is_some() && ["", "protocol.schema.json"].contains(&file), "{to} leads nowhere");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let meta = json!({ "$ref": "https://json-schema.org/draft/2020-12/schema" });
        assert_eq!(wrong(&meta, schema), None, "{name}");
        assert!(
            !name.ends_with(|c: char| c.is_ascii_digit()),
            "two types are called {name}: rename one for schemars"
        );
        let used = found.contains(format!("#/components/schemas/{name}").as_str());
        assert!(used, "{name} is described and not used");
    }
}

#[test]
fn examples_are_what_their_schemas_say() {
    let document = description();
    let mut looked_at = 0;
    for (name, operation) in operations(&document) {
        let bodies = operation["responses"].as_object().unwrap().values().chain([&operation["requestBody"]]);
        for body in bodies.filter_map(|body| body["content"]["application/json"].as_object()) {
            let Some(example) = body.get("example") else { continue };
            let whole = json!({ "allOf": [body["schema"]], "components": document["components"] });
            assert_eq!(wrong(&whole, example), None, "{name}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 25, "{looked_at}");
}

#[test]
fn every_operation_says_who_may_what_comes_back_and_what_may_go_wrong() {
    let document = description();
    let mut ids = BTreeSet::new();
    for (name, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name} has the name of another");
        let (access, description) =
            (operation["x-permission"].as_str().unwrap(), operation["description"].as_str().unwrap());
        let open = ["public", "citizen"].contains(&access);
        assert_eq!(operation["security"] == json!([]), open, "{name}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.keys().any(|status| status.as_bytes()[0] < b'4'), "{name} never succeeds");
        if !open {
            let csrf = operation["security"][0]["csrf"].is_array();
            assert_eq!(csrf, name.starts_with("post "), "{name}");
            assert!(responses.contains_key("401"), "{name}");
        }
        if !open && access != "account" {
            assert!(description.contains(&format!("`{access}`")) && responses.contains_key("403"), "{name}");
        }
        for (status, response) in responses {
            let schema = &response["content"]["application/json"]["schema"];
            assert!(*schema != json!(true) && *schema != json!({}), "{name} {status}: anything may come");
        }
    }
    assert!(ids.len() > 45, "{}", ids.len());
}

/// A code that no route may answer with is one that somebody forgot in `words.toml`.
#[test]
fn every_error_code_is_named_where_it_may_come() {
    let document = description();
    let codes = document["components"]["schemas"]["ErrorCode"]["oneOf"].as_array().unwrap();
    let operations = operations(&document);
    for code in codes {
        let (code, about) = (code["const"].as_str().unwrap(), code["description"].as_str().unwrap());
        let on_the_socket = about.starts_with("On the live socket only");
        let named = |(_, operation): &(String, &Value)| {
            operation["responses"].to_string().contains(&format!("\"{code}\""))
        };
        assert_ne!(operations.iter().any(named), on_the_socket, "{code}");
    }
}
