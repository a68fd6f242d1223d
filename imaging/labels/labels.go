// Package labels names a classifier's outputs.
package labels

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"kerasgo/internal/safeio"
)

// Builtin returns the list of a well-known data set and whether there is one
// of that name: mnist, the ten digits.
func Builtin(name string) ([]string, bool) {
	if name != "mnist" {
		return nil, false
	}
	return []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, true
}

// Open reads a file of labels; see [Parse].
func Open(path string, limits safeio.Limits) ([]string, error) {
	limits = limits.OrDefaults()
	limits.MaxFile = min(limits.MaxFile, limits.MaxJSONBytes)
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := safeio.Slice(f, size, 0, size)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	list, err := Parse(data)
	return list, safeio.At(err, safeio.Where{File: path})
}

// Parse reads labels, class 0 first, in any of these forms:
//
//	one a line
//	["cat", "dog"]
//	{"0": "cat", "1": "dog"}
//	{"0": ["n02123045", "tabby"], ...}   Keras's imagenet_class_index.json
//	{"cat": 0, "dog": 1}                 a Keras generator's class_indices
//
// A missing, empty or repeated class is a safeio.FormatError, and so is a
// label with control characters, which could steer a terminal.
func Parse(data []byte) ([]string, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return nil, &safeio.FormatError{Msg: "labels must be UTF-8"}
	}
	var list []string
	var err error
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0:
	case trimmed[0] == '[':
		list, err = parseList(trimmed)
	case trimmed[0] == '{':
		list, err = parseObject(trimmed)
	default:
		list = strings.Split(strings.TrimRight(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
	}
	if err != nil {
		return nil, &safeio.FormatError{Msg: "labels", Err: err}
	}
	if len(list) == 0 {
		return nil, &safeio.FormatError{Msg: "no labels"}
	}
	for i, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			return nil, &safeio.FormatError{Msg: fmt.Sprintf("class %d has no label", i)}
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }) {
			return nil, &safeio.FormatError{Msg: fmt.Sprintf("class %d has control characters in its label %.64q", i, s)}
		}
		list[i] = s
	}
	return list, nil
}

func parseList(data []byte) ([]string, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, err
	}
	list := make([]string, len(items))
	for i, item := range items {
		var err error
		if list[i], err = parseName(item); err != nil {
			return nil, fmt.Errorf("class %d: %w", i, err)
		}
	}
	return list, nil
}

// parseName reads "name" or ["id", "name"].
func parseName(item json.RawMessage) (string, error) {
	var name string
	if json.Unmarshal(item, &name) == nil && item[0] == '"' {
		return name, nil
	}
	var pair []*string
	if json.Unmarshal(item, &pair) == nil && len(pair) == 2 && pair[0] != nil && pair[1] != nil {
		return *pair[1], nil
	}
	return "", errors.New(`want "name" or ["id", "name"]`)
}

// parseObject reads names by index, or indices by name. It goes token by token
// because a map would hide a key that stands twice.
func parseObject(data []byte) ([]string, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	byIndex := map[int]string{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the decoder lets nothing else be a key
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		name := key
		var index int
		if json.Unmarshal(value, &index) != nil || value[0] == 'n' { // null
			if name, err = parseName(value); err != nil {
				return nil, fmt.Errorf("%q: %w", key, err)
			}
			if index, err = strconv.Atoi(key); err != nil {
				return nil, fmt.Errorf("the key %q isn't a class", key)
			}
		}
		if old, ok := byIndex[index]; ok {
			return nil, fmt.Errorf("class %d stands twice: %q and %q", index, old, name)
		}
		byIndex[index] = name
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("text after the object")
	}
	list := make([]string, len(byIndex))
	for i := range list {
		name, ok := byIndex[i]
		if !ok {
			return nil, fmt.Errorf("class %d of %d is missing", i, len(list))
		}
		list[i] = name
	}
	return list, nil
}
