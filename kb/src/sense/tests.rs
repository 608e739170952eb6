use super::index::SenseScore;
use super::*;
use crate::HeldOut;

fn vector(text: &str) -> Vec<f32> {
    Sense::built_in().encode(&[text]).unwrap().remove(0)
}

fn cosine(a: &str, b: &str) -> f32 {
    vector(a).iter().zip(vector(b)).map(|(x, y)| x * y).sum()
}

#[test]
fn the_table_that_ships_can_be_read() {
    let sense = Sense::built_in();
    assert!(sense.terms() > 10_000 && sense.dimensions() >= 64);
    assert!(sense.name().starts_with("sense@") && sense.name().len() == "sense@".len() + 16);
    let hash = |row: usize| u64::from_le_bytes(*sense.hashes[row * HASH..].first_chunk().unwrap());
    assert!((1..sense.terms()).all(|row| hash(row - 1) < hash(row)));
    assert!(BUILT_IN.len() <= 6_000_000, "{}", BUILT_IN.len());
}

#[test]
fn what_is_no_table_is_refused() {
    for cut in [0, 3, HEADER - 1, HEADER, HEADER + 100, BUILT_IN.len() - 1] {
        assert!(Sense::parse(&BUILT_IN[..cut]).is_none(), "{cut} bytes");
    }
    assert!(Sense::parse(b"drilen sense 2\nxxxxxxxxxxxxxxxx").is_none());
}

#[test]
fn vectors_have_length_one_or_say_nothing() {
    for text in ["身份证丢了怎么办", "ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང་།", "护照"]
    {
        let length: f32 = vector(text).iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-3, "{text}: {length}");
    }
    for text in ["", " ", "🙂", "。？"] {
        assert!(vector(text).iter().all(|x| *x == 0.0), "{text:?}");
    }
}

#[test]
fn what_means_the_same_is_nearer_than_what_does_not() {
    for (one, same, other) in [
        ("身份证弄丢了", "补领居民身份证", "身份证号码是几位数"),
        ("孩子上户口", "新生儿落户", "孩子上小学"),
        ("挂号看医生", "医院预约", "银行预约"),
        ("ཐོབ་ཐང་ལག་འཁྱེར་བརླགས་སོང་།", "身份证丢了", "驾驶证丢了"),
    ] {
        let (near, far) = (cosine(one, same), cosine(one, other));
        assert!(near > far, "{one}: {same} {near:.2}, {other} {far:.2}");
    }
}

#[test]
fn spelling_and_what_is_said_around_hardly_matter() {
    assert!(cosine("身份證", "身份证") > 0.999);
    assert!(cosine("请问一下社保卡怎么办理呢谢谢", "办理社保卡") > 0.6);
}

#[test]
fn a_held_out_variant_is_not_there() {
    let texts = ["身份证丢了怎么办", "补办身份证", "身份证挂失", "虫草采集证在哪里办"];
    let keys: Vec<String> = texts.iter().map(|text| language::search_key(text)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let index = SenseIndex::build(&keys, [0..3, 3..4].into_iter());
    let asked = index.ask(keys[0]);
    let score = |held_out| index.score(&asked, 0, 0..3, held_out);
    let near = |a: f32, b: f32| (a - b).abs() < 0.02;
    assert!(near(score(HeldOut::Nothing).closest, 1.0));
    assert!(near(index.glance(&asked, 0), score(HeldOut::Nothing).gathered));
    // As an index that never had it says.
    let without = SenseIndex::build(&keys[1..], [0..2, 2..3].into_iter());
    let expected = without.score(&asked, 0, 0..2, HeldOut::Nothing);
    let rehearsed = score(HeldOut::Variant(0));
    assert!(near(rehearsed.closest, expected.closest) && near(rehearsed.gathered, expected.gathered));
    // Where nothing is left, nothing is said.
    assert_eq!(index.score(&asked, 1, 3..4, HeldOut::Variant(3)), SenseScore::default());
}

#[test]
fn a_question_of_unknown_words_is_like_nothing() {
    let keys = ["身 份 证"];
    let index = SenseIndex::build(&keys, std::iter::once(0..1));
    let asked = index.ask("qqqqzz");
    assert_eq!(index.score(&asked, 0, 0..1, HeldOut::Nothing), SenseScore::default());
    assert!(index.glance(&asked, 0).abs() < f32::EPSILON);
}
