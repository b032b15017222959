//! Files made by hand: everything about bytes, line ends and letters that a search can get wrong.

/// Files here are in Windows-1252.
pub const LATIN1_FOLDER: &str = "edges/windows-1252";

/// Files with a NUL further in than anybody looks before he decides that a file is text.
pub const LATE_NUL: &[&str] = &["edges/late-nul.txt"];

/// Paths and contents.
pub fn files() -> Vec<(&'static str, Vec<u8>)> {
    let mut files = texts();
    files.extend(encodings());
    files.extend(large());
    files
}

fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let texts: [(&str, &str); 24] = [
        ("edges/empty", ""),
        ("edges/newline", "\n"),
        ("edges/newlines", "\n\n\n"),
        ("edges/crlf.txt", "first line\r\nneedle at end\r\n\r\nlast needle\r\n"),
        ("edges/crlf-mixed.txt", "unix needle\ndos needle\r\nunix again\n\r\n"),
        ("edges/cr-only.txt", "old mac\rneedle here\rend"),
        ("edges/cr-last.txt", "needle\r"),
        ("edges/no-final-newline.txt", "first\nneedle without newline"),
        ("edges/one-line.txt", "needle"),
        ("edges/only-spaces.txt", "   \n \n\t\n"),
        ("edges/leading-newline.txt", "\n\nneedle after two\n"),
        ("edges/kelvin.txt", "K\nk\n\u{212a}\nkelvin\nKELVIN\n\u{212a}elvin\n300 \u{212a}\n"),
        ("edges/long-s.txt", "s\nS\n\u{17f}\nset\n\u{17f}et\nSET\nmi\u{17f}\u{17f}\nmiss\n"),
        (
            "edges/dotted-i.txt",
            "i\nI\n\u{130}\n\u{131}\nISTANBUL\n\u{130}stanbul\nistanbul\n\u{131}stanbul\n",
        ),
        ("edges/sharp-s.txt", "stra\u{df}e\nSTRASSE\nSTRA\u{1e9e}E\nstrasse\n"),
        (
            "edges/sigma.txt",
            "\u{3c3}\n\u{3c2}\n\u{3a3}\n\u{39f}\u{394}\u{39f}\u{3a3}\n\u{3bf}\u{3b4}\u{3bf}\u{3c2}\n\u{3bf}\u{3b4}\u{3bf}\u{3c3}\n",
        ),
        (
            "edges/accents.txt",
            "\u{e9}t\u{e9}\n\u{c9}T\u{c9}\ne\u{301}te\u{301}\n\u{c5}ngstr\u{f6}m\n\u{212b}ngstr\u{f6}m\n\u{e5}ngstr\u{f6}m\n",
        ),
        (
            "edges/scripts.txt",
            "\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}\n\u{41f}\u{420}\u{418}\u{412}\u{415}\u{422}\n\u{4f60}\u{597d}\n\u{1f600} smile\n\u{1c4}\u{1c5}\u{1c6}\n\u{10400}\u{10428}\n\u{ab70}\u{13a0}\n",
        ),
        ("edges/overlap.txt", "aaa\naaaa\naaaaa\nabababa\naXaXa\n"),
        (
            "edges/separators.txt",
            "a\tb\tc\na\u{c}b\na\u{b}b\na\u{85}b\na\u{2028}b\na\u{2029}b\na\u{a0}b\n\u{c}\nneedle\u{c}needle\n",
        ),
        (
            "edges/punctuation.txt",
            "a.b*c+d?e\n(x)[y]{z}\n^start$ | end\nback\\slash / and //\n\"quoted\" 'single' `tick`\n-dash --flag ->arrow\n#hash &and ~tilde\n\\n is not a newline\n",
        ),
        ("edges/blocks.txt", "begin\none\ntwo\nend\nbegin\nend\nbegin one end\n\nbegin\n\nend"),
        (
            "edges/words.txt",
            "foo\nfoobar\nfoo_bar\nfoo-bar\nfoo.bar\nbarfoo\n_foo\nfoo1\n1foo\nfo\u{f6}\n\u{f6}foo\nfoo\u{301}\n",
        ),
        ("edges/a folder/\u{fc}n\u{ef} c\u{f6}de.txt", "needle in an odd place\n"),
    ];
    texts.into_iter().map(|(path, text)| (path, text.as_bytes().to_vec())).collect()
}

fn encodings() -> Vec<(&'static str, Vec<u8>)> {
    let text = "needle \u{e9}t\u{e9}\r\nsecond \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}\nneedle \u{1f600} last";
    let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    vec![
        ("edges/utf16le.txt", utf16(u16::to_le_bytes)),
        ("edges/utf16be.txt", utf16(u16::to_be_bytes)),
        ("edges/utf8-mark.txt", format!("\u{feff}{text}").into_bytes()),
        ("edges/utf8-mark-only.txt", "\u{feff}".into()),
        ("edges/windows-1252/french.txt", b"needle \xe9t\xe9\r\n\xc9T\xc9\nplain\n".to_vec()),
        ("edges/windows-1252/quotes.txt", b"\x93needle\x94 \x96 \x80 5\nna\xefve".to_vec()),
        ("edges/nul.bin", b"needle\nbefore \0 needle\nafter needle\n".to_vec()),
        ("edges/nul-first.bin", b"\0needle\n".to_vec()),
        ("edges/nul-last.bin", b"needle\n\0".to_vec()),
    ]
}

fn large() -> Vec<(&'static str, Vec<u8>)> {
    let long_line =
        format!("{}needle{}\nshort needle\n", "x".repeat(300_000), " y".repeat(100_000));
    let long_last = format!("short\n{}needle", "ab ".repeat(50_000));
    let many =
        (0..5_000).map(|i| format!("line {i}{}\n", if i % 997 == 0 { " needle" } else { "" }));
    let late_nul = format!("needle\n{}\0 needle\nlast needle\n", "filler line\n".repeat(20_000));
    vec![
        ("edges/long-line.txt", long_line.into_bytes()),
        ("edges/long-last-line.txt", long_last.into_bytes()),
        ("edges/many-lines.txt", many.collect::<String>().into_bytes()),
        ("edges/late-nul.txt", late_nul.into_bytes()),
    ]
}
