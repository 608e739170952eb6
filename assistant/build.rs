//! Makes sure that there are pages to embed: where `web/dist` has not been built, a placeholder says how to build it.

use std::{fs, path::Path};

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Drilen</title>\n\
<p>The pages have not been built. Run <code>make setup</code>, then build the server again.</p>\n\
<p>页面尚未构建。</p>\n</html>\n";

fn main() {
    let pages = Path::new("../web/dist");
    if !pages.join("index.html").exists() {
        // The front end's build empties this folder before it writes, so the placeholder never survives it.
        fs::create_dir_all(pages).expect("web/dist can be created");
        fs::write(pages.join("index.html"), PLACEHOLDER).expect("web/dist can be written");
    }
    println!("cargo::rerun-if-changed=../web/dist");
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=build.rs");
}
