use super::*;

fn model() -> E5 {
    E5::of(tiny::file()).unwrap()
}

fn told(file: Vec<u8>) -> String {
    E5::of(file).unwrap_err().to_string()
}

#[test]
fn texts_are_cut_into_the_pieces_with_the_best_scores() {
    let pieces = model().pieces;
    let (begin, end, unknown) = (0, 2, 3);
    for (text, ids) in [
        ("", vec![]),
        ("  ", vec![]),
        ("ab", vec![8]),
        ("Ab\tab", vec![8, 8]),
        ("aab", vec![4, 5, 7]),
        ("م\u{640}م", vec![12, 11]),
        // Unknown characters in a row are one; the model's own signs are no text.
        ("zzz", vec![4, unknown]),
        ("<s>", vec![4, unknown]),
        ("query: ab", vec![9, 10, 8]),
    ] {
        let whole: Vec<u32> = std::iter::once(begin).chain(ids).chain([end]).collect();
        assert_eq!(pieces.ids(text, 99), whole, "{text:?}");
    }
    let cut = pieces.ids(&"ab ".repeat(50_000), tiny::POSITIONS);
    assert_eq!((cut.len(), cut.last()), (tiny::POSITIONS, Some(&end)));
}

#[test]
fn vectors_have_length_one_and_do_not_depend_on_their_neighbours() {
    let model = model();
    let texts = ["ab", "ab ab", "م", "", "ab"];
    let together = model.encode(texts);
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(vector.len(), tiny::HIDDEN);
        assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
        let alone = &model.encode([*text])[0];
        assert!(vector.iter().zip(alone).all(|(a, b)| (a - b).abs() < 1e-5), "{text}");
    }
    assert_eq!(together[0], together[4]);
    assert_ne!(together[0], together[2]);
    // More tokens than go through at once.
    assert_eq!(model.encode(std::iter::repeat_n("ab ab ab ab", 500)).len(), 500);
    assert!(model.encode([]).is_empty());
}

#[test]
fn what_is_broken_is_told_and_never_panics() {
    let whole = tiny::file();
    assert_eq!(told(Vec::new()), "is not the model that barid reads: it ends too early (at byte 0)");
    assert_eq!(
        told(b"PK\x03\x04 something else".to_vec()),
        "is not the model that barid reads: it does not begin with `E5S1` (at byte 0)"
    );
    assert!(told(tiny::with(4, &2_u32.to_le_bytes())).contains("its version is 2, not 1"));
    assert!(told(tiny::with(8, &(-1_i32).to_le_bytes())).contains("hidden size is -1"));
    assert!(told(tiny::with(8, &i32::MAX.to_le_bytes())).contains("hidden size is 2147483647"));
    assert!(told(tiny::with(16, &3_i32.to_le_bytes())).contains("heads do not share"));
    assert!(told(tiny::with(24, &5_i32.to_le_bytes())).contains("number of pieces"), "fewer words than pieces");
    let word = tiny::entry("emb.word");
    assert!(told(tiny::with(word, &[0])).contains("`emb.word` has another size or kind"));
    assert!(told(tiny::with(word + 5, &u64::MAX.to_le_bytes())).contains("`emb.word` lies beyond the end"));
    assert!(told(tiny::with(word + 13, &(u64::MAX - 9).to_le_bytes())).contains("`emb.word` lies beyond the end"));
    let norm = tiny::entry("emb.ln.w");
    let start = u64::from_le_bytes(whole[norm + 5..norm + 13].try_into().unwrap()) as usize;
    assert!(told(tiny::with(start, &f32::NAN.to_le_bytes())).contains("`emb.ln.w` holds something that is no number"));
    let start = u64::from_le_bytes(whole[word + 5..word + 13].try_into().unwrap()) as usize;
    assert!(told(tiny::with(start, &[0x00, 0x7C])).contains("`emb.word` has a scale that is no number"));
    assert!(told(tiny::with(tiny::entry("l1.fo.w") - 7, b"l9.fo.w")).contains("it has no `l1.fo.w`"));
}

#[test]
fn a_file_that_ends_anywhere_is_refused() {
    let whole = tiny::file();
    for end in 0..whole.len() {
        assert!(E5::of(whole[..end].to_vec()).is_err(), "{end}");
    }
}

#[test]
fn a_file_with_any_byte_changed_is_refused_or_read_without_a_panic() {
    let whole = tiny::file();
    // The weights are numbers like any other: the places before them decide what is read from where.
    let n_before = u64::from_le_bytes(whole[tiny::entry("emb.word") + 5..][..8].try_into().unwrap()) as usize;
    let mut n_read = 0;
    for at in 0..n_before {
        for change in [0x01, 0x80, 0xFF] {
            let mut file = whole.clone();
            file[at] ^= change;
            if let Ok(model) = E5::of(file) {
                n_read += 1;
                let vectors = model.encode(["ab م zz", ""]);
                assert!(vectors.iter().flatten().all(|number| number.is_finite()), "{at}");
            }
        }
    }
    assert!(n_read > 0, "scores and letters may differ");
}
