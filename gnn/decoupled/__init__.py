"""The light network as a linear map of inputs that stand still: carried first, weighed later."""
