package keras

import "kerasgo/nn"

// skips says that a mismatch is passed over, and tells of it.
func (o Options) skips(err error) bool {
	if o.SkipMismatch && o.Warn != nil {
		o.Warn("skipped: " + err.Error())
	}
	return o.SkipMismatch
}

// named pairs a file's layers with the model's layers of the same name; others are left as they are.
//
// Source: keras/src/legacy/saving/legacy_h5_format.py, load_weights_from_hdf5_group_by_name
func named(files []saved, layers []nn.Layer) (found []saved, want []nn.Layer) {
	by := map[string]nn.Layer{}
	for _, l := range layers {
		by[l.Base().Name] = l
	}
	for _, f := range files {
		if l := by[f.name]; l != nil {
			found, want = append(found, f), append(want, l)
		}
	}
	return found, want
}
