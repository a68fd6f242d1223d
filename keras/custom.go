package keras

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"kerasgo/nn"
)

// warnCustom tells Warn of the losses, metrics and optimizers in the compile config that aren't Keras's: inference needs none,
// and training needs others in their place.
func (o Options) warnCustom(m nn.Model) {
	if o.Warn == nil || m.Training() == nil {
		return
	}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			class, _ := v["class_name"].(string)
			registered, _ := v["registered_name"].(string)
			if name := nn.CustomName(class, registered); name != "" {
				o.Warn(fmt.Sprintf("the compile config names %q, which isn't Keras's: training needs another in its place", name))
				return
			}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				visit(v[k])
			}
		}
	}
	var v any
	if json.Unmarshal(m.Training().Compile, &v) == nil {
		visit(v)
	}
}
