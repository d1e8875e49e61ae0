"""The pages people see. Own: words, layout, charts. The figures come from the same rooms as the API's."""
