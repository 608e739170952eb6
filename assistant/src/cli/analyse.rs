//! `assistant analyse`: what the language rules make of a text, for whoever wonders why something matched.

use std::io::{self, BufRead, Write};

use super::Outcome;

/// What to analyse.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Print JSON, one object a line. There is no other form; the option is for commands that say what they expect.
    #[arg(long)]
    json: bool,
    /// Texts to analyse; lines from standard input where none is given.
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
}

/// Why lines could not be read or written.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(
        "line {line} of the input is no valid UTF-8 (at its byte {byte}); convert the text to UTF-8 first, for example with \
         iconv -f GB18030 -t UTF-8"
    )]
    Encoding {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        byte: usize,
    },
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

pub(super) fn run(options: &Options) -> Outcome {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let outcome = if options.texts.is_empty() {
        analyse_lines(io::stdin().lock(), &mut out)
    } else {
        options.texts.iter().try_for_each(|text| print(text, &mut out))
    };
    // What was understood before a broken line is printed all the same.
    let flushed = out.flush();
    match outcome.and_then(|()| Ok(flushed?)) {
        // Whoever reads the output has seen enough, as `head` does.
        Err(Trouble::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn analyse_lines(mut input: impl BufRead, out: &mut impl Write) -> Result<(), Trouble> {
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        if input.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(());
        }
        line += 1;
        let text = str::from_utf8(&bytes)
            .map_err(|error| Trouble::Encoding { line, byte: error.valid_up_to() + 1 })?;
        // Windows editors begin a file with a byte order mark and end lines in two characters.
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if line == 1 { text.strip_prefix('\u{feff}').unwrap_or(text) } else { text };
        print(text, out)?;
    }
}

fn print(text: &str, out: &mut impl Write) -> Result<(), Trouble> {
    serde_json::to_writer(&mut *out, &language::analyse(text))?;
    Ok(out.write_all(b"\n")?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn analysed(input: &[u8]) -> (Vec<Value>, Result<(), Trouble>) {
        let mut out = Vec::new();
        let outcome = analyse_lines(input, &mut out);
        let printed = String::from_utf8(out).unwrap();
        (printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), outcome)
    }

    #[test]
    fn every_line_becomes_one_object() {
        let (objects, outcome) = analysed("ངའི་身份證བརླགས་སོང་།\r\n\n三百元".as_bytes());
        assert!(outcome.is_ok());
        assert_eq!(objects.len(), 3);
        let first = &objects[0];
        assert_eq!(first["text"], "ངའི་身份證བརླགས་སོང་།");
        assert_eq!(first["normalised"], "ངའི་身份证བརླགས་སོང་།");
        assert_eq!(first["runs"][1]["script"], "han");
        assert_eq!(first["search_key"], "ང 身 份 证 བརླགས སོང");
        assert_eq!(first["ewts"], "nga'i [身份證]brlags song /");
        assert_eq!(first["pinyin"], "shēn fèn zhèng");
        assert_eq!(first["ipa"], "ŋɛː˩˨.ʂən˥.fən˥˩.ʈʂəŋ˥˩.laʔ˥˨.soŋ˥");
        assert_eq!(first["syllables"][0]["parts"][0][0]["root"], "ང");
        assert_eq!(first["syllables"][0]["ewts"], "nga'i");
        assert_eq!(first["pronunciations"][0]["dialect"], "lhasa");
        assert_eq!(first["phonetic_key"][0], "ng-e-");
        assert_eq!(objects[1]["text"], "");
        assert_eq!(objects[2]["numbers"][0]["kind"], "money");
        assert_eq!(objects[2]["numbers"][0]["canonical"], "CNY 300");
    }

    #[test]
    fn a_line_in_another_encoding_is_named_and_what_came_before_is_printed() {
        let (objects, outcome) = analysed(b"bod\n\xc4\xe3\xba\xc3\n");
        assert_eq!(objects.len(), 1);
        assert!(
            outcome
                .unwrap_err()
                .to_string()
                .starts_with("line 2 of the input is no valid UTF-8 (at its byte 1)")
        );
    }

    #[test]
    fn odd_lines_come_through() {
        let odd = ["。", "\u{202e}אבג", "😀👨‍👩‍👧", "\u{0}", "ི", "ཀ".repeat(10_000).as_str()].join("\n");
        let (objects, outcome) = analysed(odd.as_bytes());
        assert!(outcome.is_ok());
        assert_eq!(objects.len(), 6);
    }
}
