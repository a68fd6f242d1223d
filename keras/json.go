package keras

import (
	"bytes"
	"encoding/json"
	"fmt"

	"kerasgo/internal/safeio"
)

type object = map[string]json.RawMessage

// Python writes NaN and the infinities as bare words, which JSON hasn't. Inside, they are strings that begin with a
// character of the private use area; writing turns them back.
const mark = "\ue000"

var words = []string{"NaN", "-Infinity", "Infinity"}

// cleanJSON checks a document's size and nesting, quotes Python's bare words, and checks that the rest is JSON.
func cleanJSON(raw []byte, limits Limits) ([]byte, error) {
	l := limits.OrDefaults()
	if int64(len(raw)) > l.MaxJSONBytes {
		return nil, tooLong(int64(len(raw)), l.MaxJSONBytes)
	}
	raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
	if bytes.Contains(raw, []byte(mark)) {
		return nil, &FormatError{Msg: "the JSON holds the reserved character U+E000"}
	}
	var out []byte // what was rewritten so far, up to from
	from, depth := 0, 0
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '"':
			for i++; i < len(raw) && raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > l.MaxJSONDepth {
				return nil, &LimitError{Msg: "the JSON is nested too deep", Limit: fmt.Sprint(l.MaxJSONDepth)}
			}
		case '}', ']':
			depth--
		case 'N', 'I', '-':
			for _, w := range words {
				if bytes.HasPrefix(raw[i:], []byte(w)) {
					out = append(out, raw[from:i]...)
					out = append(out, `"`+mark+w+`"`...)
					i += len(w) - 1
					from = i + 1
					break
				}
			}
		}
	}
	if out != nil {
		raw = append(out, raw[from:]...)
	}
	var check json.RawMessage
	if err := json.Unmarshal(raw, &check); err != nil {
		return nil, &FormatError{Msg: "broken JSON", Err: err}
	}
	return raw, nil
}

// pythonJSON turns the quoted words back into bare ones.
func pythonJSON(raw []byte) []byte {
	for _, w := range words {
		raw = bytes.ReplaceAll(raw, []byte(`"`+mark+w+`"`), []byte(w))
	}
	return raw
}

func tooLong(size, limit int64) error {
	return &LimitError{Msg: "the JSON is " + safeio.Bytes(uint64(size)), Limit: safeio.Bytes(uint64(limit))}
}

// marshal writes v as Python would: without HTML escapes.
func marshal(v any) json.RawMessage {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // maps, slices, strings and raw messages that were read: they marshal
	}
	return bytes.TrimSpace(buf.Bytes())
}

// text is the string that raw holds, or "".
func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// asObject is the object that raw holds, or nil.
func asObject(raw json.RawMessage) (o object) {
	if len(raw) > 0 && raw[0] == '{' {
		_ = json.Unmarshal(raw, &o)
	}
	return o
}

// asList are the elements of the list that raw holds; ok is false where it holds something else.
func asList(raw json.RawMessage) (list []json.RawMessage, ok bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	err := json.Unmarshal(raw, &list)
	return list, err == nil
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }
