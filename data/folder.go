package data

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kerasgo/internal/safeio"
)

// folder is the files of one folder for each class, as Keras lists them: the classes are the folders' names, sorted; those
// that begin with a dot are none. Files lie in a class's folder or below it; symbolic links to folders, and files that
// aren't regular ones, are passed over.
//
// Source: keras/src/utils/dataset_utils.py, index_directory
type folder struct {
	classes []string
	files   []string
	labels  []int32
	size    int64 // bytes of the files
}

// listFolder lists the files with one of the extensions, in the order that Keras draws from the seed. A class without a file
// is an error: its output could never be learnt.
func listFolder(dir string, extensions []string, seed uint64, limits safeio.Limits) (*folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	f := &folder{}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			f.classes = append(f.classes, e.Name())
		}
	}
	slices.Sort(f.classes)
	for i, class := range f.classes {
		before := len(f.files)
		if err := f.list(filepath.Join(dir, class), int32(i), extensions, limits.OrDefaults().MaxObjects); err != nil {
			return nil, safeio.At(err, safeio.Where{File: dir})
		}
		if len(f.files) == before {
			return nil, &safeio.FormatError{Where: safeio.Where{File: filepath.Join(dir, class)}, Msg: "the class has no files",
				Want: strings.Join(extensions, ", ")}
		}
	}
	if len(f.files) == 0 {
		return nil, &safeio.FormatError{Where: safeio.Where{File: dir}, Msg: "holds no folders, one for each class, with files",
			Want: strings.Join(extensions, ", ")}
	}
	shuffleLike(newTwister(uint32(seed^seed>>32)), len(f.files), func(i, k int) {
		f.files[i], f.files[k] = f.files[k], f.files[i]
		f.labels[i], f.labels[k] = f.labels[k], f.labels[i]
	})
	return f, nil
}

// list adds a class's files: folders in the order of their paths, and the files in each by name.
func (f *folder) list(dir string, class int32, extensions []string, most int) error {
	within := map[string][]string{}
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			dirs = append(dirs, path)
		case d.Type().IsRegular() && slices.Contains(extensions, strings.ToLower(filepath.Ext(path))):
			info, err := d.Info()
			if err != nil {
				return err
			}
			f.size += info.Size()
			parent := filepath.Dir(path)
			within[parent] = append(within[parent], path)
			f.labels = append(f.labels, class)
		}
		if len(f.labels) > most || len(dirs) > most {
			return &safeio.LimitError{Msg: "too many files", Limit: fmt.Sprint(most)}
		}
		return nil
	})
	slices.Sort(dirs)
	for _, d := range dirs {
		f.files = append(f.files, within[d]...) // sorted, as they were walked
	}
	return err
}
