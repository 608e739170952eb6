//! Personal numbers are masked wherever they are not needed: in logs, in the desk's lists and transcripts, in error texts.
//! What the knowledge base publishes (offices' telephones) stays readable.
//!
//! The published numbers are known to the whole process, as the log is: a log line does not say which server wrote it.

mod reveal;

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock};

use conversation::{Event, EventBody};
use language::Masker;
use parking_lot::RwLock;
use tracing_subscriber::fmt::MakeWriter;

pub use reveal::{MAX_REASON_CHARACTERS, Permission, RevealError, reveal};

static MASKER: LazyLock<RwLock<Arc<Masker>>> = LazyLock::new(RwLock::default);

/// Telephone numbers of a knowledge base are public from now on. Numbers of former ones stay public: they are in answers
/// that were given.
pub fn publish<'a>(entries: impl IntoIterator<Item = &'a kb::Entry>) {
    let mut masker = Masker::default();
    for entry in entries {
        // All its texts at once, whatever fields they are in.
        if let Ok(json) = serde_json::to_string(entry) {
            masker.publish(&json);
        }
    }
    let mut known = MASKER.write();
    masker.publish_all(&known);
    *known = Arc::new(masker);
}

/// The text without personal numbers.
pub fn mask(text: &str) -> Cow<'_, str> {
    let masker = Arc::clone(&MASKER.read());
    masker.mask(text)
}

/// An event as the desk shows it: what people wrote, without personal numbers. One number is shown by [`reveal`].
#[must_use]
pub fn masked(mut event: Event) -> Event {
    let masked = |text: &mut String| {
        if let Cow::Owned(masked) = mask(text) {
            *text = masked;
        }
    };
    match &mut event.body {
        EventBody::CitizenMessage(message) => masked(&mut message.text),
        EventBody::AgentMessage(message) => masked(&mut message.text),
        EventBody::AgentLeft(left) => left.note.iter_mut().for_each(masked),
        EventBody::Snoozed(snoozed) => snoozed.note.iter_mut().for_each(masked),
        EventBody::WrappedUp(notes) => notes.note.iter_mut().for_each(masked),
        EventBody::CallbackRequested(asked) => masked(&mut asked.number),
        // The service's own words: from the knowledge base and the phrases.
        _ => {}
    }
    event
}

/// Writes log lines without personal numbers. Nothing that a citizen said is logged on purpose; an error's text that came
/// from elsewhere may quote some of it all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct MaskedLog<M>(pub M);

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for MaskedLog<M> {
    type Writer = MaskedLine<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedLine(self.0.make_writer())
    }

    fn make_writer_for(&'a self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        MaskedLine(self.0.make_writer_for(metadata))
    }
}

/// A writer of [`MaskedLog`]. It relies on getting a whole line in one call, as `tracing_subscriber::fmt` makes it: a
/// number that were cut in two would not be known for one.
#[derive(Debug)]
pub struct MaskedLine<W>(W);

impl<W: Write> Write for MaskedLine<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(mask(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Paper(Arc<parking_lot::Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn log_lines_hold_no_personal_number_in_either_format() {
        for json in [false, true] {
            let paper = Paper::default();
            let writer = paper.clone();
            let builder =
                tracing_subscriber::fmt().with_writer(MaskedLog(move || writer.clone())).with_ansi(false);
            let conversation = "550e8400-e29b-41d4-a716-446655440000";
            let log = || {
                tracing::warn!(
                    conversation,
                    error = "line `ངའི་ཁ་པར་༡༣༩༡༢༣༤༥༦༧༨` at 3",
                    "not read: 身份证540102199001011233"
                );
            };
            if json {
                tracing::subscriber::with_default(builder.json().flatten_event(true).finish(), log);
            } else {
                tracing::subscriber::with_default(builder.finish(), log);
            }
            let written = String::from_utf8(paper.0.lock().clone()).unwrap();
            assert!(written.contains(conversation) && written.contains("****5678"), "{written}");
            assert!(written.contains("身份证****1233") && !written.contains("༡༣༩"), "{written}");
        }
    }

    #[test]
    fn what_the_knowledge_base_publishes_stays_readable() {
        let entry = "{id: a, topic: t, bo: {question: ཁ, spoken: ལན, written: ལན}, zh: {question: 问, spoken: 答, written: 请打0897-4826071}}";
        let entry: kb::Entry = serde_yaml_entry(entry);
        assert_eq!(mask("0897-4826071"), "****6071");
        publish([&entry]);
        assert_eq!(mask("ཁ་པར་༠༨༩༧-༤༨༢༦༠༧༡ 和 0897-4826072"), "ཁ་པར་༠༨༩༧-༤༨༢༦༠༧༡ 和 ****6072");
    }

    fn serde_yaml_entry(yaml: &str) -> kb::Entry {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("faq.yaml");
        std::fs::write(&file, format!("format: drilen-kb/1\nname: t\nentries:\n- {yaml}\n")).unwrap();
        let configuration = crate::Configuration::with("").unwrap();
        let day = "2026-06-30".parse().unwrap();
        let brain = crate::knowledge::Brain::open_on(&file, &configuration, day).unwrap();
        brain.publication().entries()[0].clone()
    }
}
