//! The pieces of a `SentencePiece` model file, which is a protocol buffer: field 1 of the whole, repeated, is a piece, and
//! field 1 of that its text. Everything else is skipped.
//!
//! Source: `sentencepiece_model.proto`; the wire format in the protocol buffers' documentation ("Encoding").

/// The pieces by number.
pub(super) fn pieces(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let Some((field, payload)) = next(&mut rest)? {
        if field == 1 {
            let mut inner = payload.ok_or("it is no SentencePiece model")?;
            let mut text = None;
            while let Some((field, payload)) = next(&mut inner)? {
                if field == 1 {
                    let name = std::str::from_utf8(payload.unwrap_or_default());
                    text = Some(name.map_err(|_| "a piece is no UTF-8".to_owned())?.to_owned());
                }
            }
            pieces.push(text.ok_or("a piece has no text")?);
        }
    }
    if pieces.is_empty() { Err("it is no SentencePiece model: it has no pieces".into()) } else { Ok(pieces) }
}

/// One field: its number, and its bytes where it has a length.
type Field<'a> = (u64, Option<&'a [u8]>);

/// The next field; `None` at the end.
fn next<'a>(rest: &mut &'a [u8]) -> Result<Option<Field<'a>>, String> {
    if rest.is_empty() {
        return Ok(None);
    }
    let tag = varint(rest)?;
    let payload = match tag & 7 {
        0 => varint(rest).map(|_| None)?,
        1 => take(rest, 8).map(|_| None)?,
        2 => {
            let length = varint(rest)?;
            Some(take(rest, usize::try_from(length).unwrap_or(usize::MAX))?)
        }
        5 => take(rest, 4).map(|_| None)?,
        _ => return Err("it is no SentencePiece model".into()),
    };
    Ok(Some((tag >> 3, payload)))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (taken, left) = rest.split_at_checked(length).ok_or("it ends in the middle of a field")?;
    *rest = left;
    Ok(taken)
}

fn varint(rest: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("it has a number of more than 64 bits".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `<unk>` (score, kind 2), `▁你` (score), then a trainer specification.
    const MODEL: &[u8] = b"\x0a\x0e\x0a\x05<unk>\x15\x00\x00\x00\x00\x18\x02\
        \x0a\x0d\x0a\x06\xe2\x96\x81\xe4\xbd\xa0\x15\x00\x00\x80\xbf\x12\x03\x0a\x01x";

    #[test]
    fn pieces_are_read_and_the_rest_is_skipped() {
        assert_eq!(pieces(MODEL).unwrap(), ["<unk>", "▁你"]);
    }

    #[test]
    fn damaged_files_are_errors() {
        for end in 1..MODEL.len() {
            // A cut between two pieces leaves a smaller model; every other cut is an error.
            let _ = pieces(&MODEL[..end]);
        }
        assert!(pieces(&MODEL[..20]).unwrap_err().contains("middle"));
        assert!(pieces(b"").is_err() && pieces(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
        assert!(pieces(b"\x0a\x03\x12\x01x").unwrap_err().contains("no text"));
        assert!(pieces(b"\x0a\xff\xff\xff\xff\x0f").unwrap_err().contains("middle"));
    }
}
