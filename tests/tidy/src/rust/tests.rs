use super::*;

fn code(text: &str) -> String {
    let lines: Vec<_> = Rust::read(text).lines.into_iter().map(|line| line.code).collect();
    lines.join("\n")
}

#[test]
fn literals_are_left_out() {
    let cases = [
        (r#"f("a // b")"#, r#"f("")"#),
        (r#"f("a \" b", 1)"#, r#"f("", 1)"#),
        (r#"f("a \\", 1)"#, r#"f("", 1)"#),
        (r##"f(r#"a " b"#, 1)"##, r#"f("", 1)"#),
        (r##"f(br"a\", 1)"##, r#"f("", 1)"#),
        (r#"f(b"x", b'"', '"', '\'', '\u{1F}')"#, r#"f("", "", "", "", "")"#),
        ("fn f<'a>(x: &'a str) -> char { 'x' }", "fn f<'a>(x: &'a str) -> char { \"\" }"),
        ("let r#type = 1;", "let r#type = 1;"),
        ("let bar = \"x\";", "let bar = \"\";"),
        ("'é'.len() + 'ab", "\"\".len() + 'ab"),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn lines_stay_lines() {
    let text = "let a = \"x\ny\"; // c\n/* d\n/* e */ f\n*/ g();\n";
    let read = Rust::read(text);
    let codes: Vec<_> = read.lines.iter().map(|line| line.code.as_str()).collect();
    assert_eq!(codes, ["let a = \"\"", "; ", "", "", " g();", ""]);
    let comments: Vec<_> = read.lines.iter().map(|line| line.comment.as_str()).collect();
    assert_eq!(comments, ["", "// c", "/* d", "/* e */ f", "*/", ""]);
}

#[test]
fn quotes_in_comments_are_left_out() {
    assert_eq!(Rust::read("/// as in `x y`, so").lines[0].comment, "/// as in `, so");
}

#[test]
fn half_files_end() {
    for text in ["\"abc", "r#\"abc\"", "/* /* */", "'\\", "b'", "'", "r#", "br##\""] {
        Rust::read(text);
    }
}

fn tests_of(text: &str) -> Vec<usize> {
    let read = Rust::read(text);
    read.numbered().filter(|(_, line)| line.in_test).map(|(number, _)| number).collect()
}

#[test]
fn an_item_under_cfg_test_is_a_test() {
    assert_eq!(
        tests_of("fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { x[1]; }\n}\nfn c() {}"),
        [2, 3, 4, 5]
    );
}

#[test]
fn a_module_elsewhere_ends_with_its_declaration() {
    assert_eq!(tests_of("#[cfg(test)]\nmod tests;\nfn c() {}"), [1, 2]);
    assert_eq!(tests_of("#[cfg(test)] mod tests;\nfn c() {}"), [1]);
    assert_eq!(tests_of("#[cfg(test)]\n#[path = \"x;\"]\nmod tests;\nfn c() {}"), [1, 2, 3]);
}
