//! Tables that are read, and each way in which one is refused.

use super::super::tests::damage;
use super::*;

fn parse(bytes: &[u8]) -> Result<DMatrix<f64>, FileError> {
    read(Path::new("a.csv"), bytes, bytes.len() as u64, false)
}

fn refusal(text: &str) -> (&'static str, String) {
    let error = parse(text.as_bytes()).expect_err(text);
    (error.kind(), error.to_string())
}

#[test]
fn a_table_is_read_with_or_without_a_header_whatever_its_separators() {
    let expected = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, -3.5, 4e3]);
    let tables = [
        "1,2\n-3.5,4e3\n",
        "a,b\n1,2\n-3.5,4e3",
        "\u{feff}a,b\r\n1,2\r\n-3.5,4e3\r\n",
        "\u{feff}1;2\n-3.5;4e3\n",
        "a\tb\n1\t2\n-3.5\t4e3\n",
        "\"a,\"\"b\",\"c\nd\"\r\n\"1\", 2 \r\n\r\n -3.5 ,\"4e3\"\r\n\r\n",
        "\n\n1,2\n\n-3.5,4e3\n\n\n",
        "2020,b\n1,2\n-3.5,4e3\n",
    ];
    for table in tables {
        assert_eq!(parse(table.as_bytes()).expect(table), expected, "{table:?}");
    }
}

#[test]
fn a_first_line_of_numbers_is_data_and_spare_line_ends_are_not() {
    assert_eq!(parse(b"0,1\n2,3\n").unwrap().nrows(), 2);
    assert_eq!(parse(b"y\n1\n2\n\n\n").unwrap().as_slice(), [1.0, 2.0]);
    assert_eq!(parse(b"1\r\n2\r\n\r\n").unwrap().as_slice(), [1.0, 2.0]);
}

#[test]
fn every_mark_of_a_missing_value_is_named_with_its_row_and_column() {
    for mark in [
        "NA", "NaN", "nan", "", "NULL", ".", " NA ", "\"\"", "N/A", "None",
    ] {
        let (kind, message) = refusal(&format!("x,price\n1,2\n3,{mark}\n"));
        assert_eq!(kind, "missing_value", "{mark}: {message}");
        let place = "a.csv, line 3, row 2, column 2 (\"price\"): ";
        assert!(message.starts_with(place), "{message}");
        assert!(message.contains("removed or imputed"), "{message}");
    }
    // In the first row too: taken for a header it would be lost.
    assert!(
        refusal("1,NA\n2,3\n")
            .1
            .contains("line 1, row 1, column 2:")
    );
    assert_eq!(refusal(",2.5\n2,3\n").0, "missing_value");
}

#[test]
fn a_blank_line_in_a_single_column_is_a_missing_value() {
    for line in ["\n", "\r\n", "\"\"\n", "  \n"] {
        for end in ["\n", "\r\n"] {
            let (kind, message) = refusal(&format!("y{end}1{end}{line}3{end}"));
            assert_eq!(kind, "missing_value", "{line:?}: {message}");
            assert!(
                message.contains("line 3, row 2, column 1"),
                "{line:?}: {message}"
            );
        }
    }
    assert_eq!(refusal("y\n1\n\"\"\n").0, "missing_value");
    assert_eq!(refusal("\n1\n2\n").0, "missing_value");
    assert!(parse(b"\ny\n1\n2\n").is_ok());
}

#[test]
fn row_names_are_recognised_and_the_remedy_is_named() {
    let tables = [
        "\"\",\"x\",\"y\"\n\"1\",0.5,0.25\n",
        "x,y\n\"1\",0.5,0.25\n\"2\",1,2\n",
        "name,x\nanna,1\nbert,2\n",
        "anna,1\nbert,2\n",
        ",0,1\n0,0.5,0.25\n1,1,2\n",
    ];
    for table in tables {
        let (kind, message) = refusal(table);
        assert_eq!(kind, "row_names", "{table:?}: {message}");
        assert!(message.contains("row.names = FALSE") && message.contains("index=False"));
    }
}

#[test]
fn each_fault_is_refused_under_its_own_kind_and_at_its_place() {
    let faults = [
        ("", "shape", "empty"),
        ("\n\n", "shape", "empty"),
        ("a,b\n", "shape", "empty"),
        (
            "1,2\n3\n",
            "shape",
            "line 2, row 2: 1 fields instead of the 2",
        ),
        ("a,b\n\n1,2\n3,4,5\n", "shape", "line 4, row 2: 3 fields"),
        (
            "a,b\n3,inf\n",
            "non_finite",
            "line 2, row 1, column 2 (\"b\"): \"inf\"",
        ),
        ("1,2\n1e999,3\n", "non_finite", "row 2, column 1: \"1e999\""),
        (
            "a,b\n1,x\n",
            "parse",
            "row 1, column 2 (\"b\"): \"x\" is not a number",
        ),
        ("1,2\nx,3\n", "parse", "row 2, column 1: \"x\""),
        ("1.x,2\n3,4\n", "parse", "line 1: \"1.x\" is not a number"),
        (
            "1,5;2,5\n",
            "parse",
            "\"5;2\" is not a number; decimal commas",
        ),
        (
            "0;0\n1,5;2\n",
            "parse",
            "\"1,5\" is not a number; decimal commas",
        ),
        (
            "x;y\n1,5;2\n",
            "parse",
            "row 1, column 1 (\"x\"): \"1,5\" is not a number; decimal",
        ),
        (
            "1,2,\n3,4,\n",
            "missing_value",
            "line 1, row 1, column 3: the line ends in a comma",
        ),
        (
            "a,b\n1,2,\n",
            "missing_value",
            "line 2, row 1, column 3: the line ends in a comma",
        ),
        ("a;b;\n1;2;\n", "missing_value", "ends in a semicolon"),
        (
            "\"1\n2\n",
            "parse",
            "line 1, row 1, column 1: \"1\\n2\" is not closed",
        ),
        (
            "a,b\n1,\"2\n3,4\n",
            "parse",
            "line 2, row 1, column 2 (\"b\"): \"2\\n3,4\" is not closed",
        ),
        ("\0\0\0\0", "parse", "line 1: \"\\0\\0\\0\\0\" is not text"),
        ("1 2\n3 4\n", "parse", "\"3 4\""),
        (
            "a\n1\n\"2\n3\n",
            "parse",
            "line 3, row 2, column 1 (\"a\"): \"2\\n3\"",
        ),
        ("1,2\n3,\0\x1b\n", "parse", "\"\\0\\u{1b}\""),
    ];
    for (text, kind, part) in faults {
        let (found, message) = refusal(text);
        assert_eq!(found, kind, "{text:?}: {message}");
        assert!(message.contains(part), "{text:?}: {message}");
    }
}

#[test]
fn text_that_is_not_utf8_is_refused_with_its_line() {
    let first: &[u8] = b"a,b\n1,2\n3,\xe9\n";
    for text in [first, b"\"a\n\",b\r\n3,\xe9\r\n", b"\n\ncaf\xe9\n"] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.kind(), "parse");
        assert!(error.to_string().contains("line 3: "), "{error}");
    }
}

#[test]
fn no_damage_makes_it_panic() {
    damage(b"a,b\n1,2\n3.5,-4e5\n", parse);
    damage(b"1\r\n2\r\n\r\n\"3\"\r\n", parse);
}
