package keras

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
)

// shards are the files of weights that Keras split by size.
type shards struct {
	files []*hdf5.File
	roots []*hdf5.Group
}

func (s *shards) close() {
	for _, f := range s.files {
		f.Close()
	}
}

// weightMap says in which files each group's variables are: a name, or a list of names.
type weightMap struct {
	Map map[string]json.RawMessage `json:"weight_map"`
}

func isShards(raw []byte) bool {
	var index weightMap
	return json.Unmarshal(raw, &index) == nil && index.Map != nil
}

// shards opens the files that the index at path names; nil where the file is no index. They must lie beside it.
//
// Source: keras/src/saving/saving_lib.py, ShardedH5IOStore
func (o Options) shards(r io.ReaderAt, size int64, path string) (*shards, error) {
	if kind, err := sniff(r, size, o.Limits); err != nil || kind != formJSON || size > o.Limits.OrDefaults().MaxJSONBytes {
		return nil, nil // told by who reads it next
	}
	raw, err := safeio.Slice(r, size, 0, size)
	if err != nil {
		return nil, err
	}
	if raw, err = cleanJSON(raw, o.Limits); err != nil || !isShards(raw) {
		return nil, err
	}
	var index weightMap
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, &FormatError{Msg: "broken JSON", Err: err}
	}
	seen := map[string]bool{}
	for group, files := range index.Map {
		names := []string{text(files)}
		if list, ok := asList(files); ok {
			names = nil
			for _, f := range list {
				names = append(names, text(f))
			}
		}
		for _, name := range names {
			if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
				return nil, &FormatError{Where: safeio.Where{Object: group}, Msg: "a shard must be a file beside the index", Got: fmt.Sprintf("%q", name)}
			}
			seen[name] = true
		}
	}
	if limit := o.Limits.OrDefaults().MaxObjects; len(seen) > limit || len(seen) > 4096 {
		return nil, &LimitError{Msg: fmt.Sprintf("the weights are in %d shards", len(seen)), Limit: fmt.Sprint(min(limit, 4096))}
	}
	if len(seen) == 0 {
		return nil, &FormatError{Msg: "the index names no shard"}
	}
	s := &shards{}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		f, err := hdf5.Open(filepath.Join(filepath.Dir(path), name), o.Limits)
		if err != nil {
			s.close()
			return nil, err
		}
		s.files, s.roots = append(s.files, f), append(s.roots, f.Root())
	}
	return s, nil
}
