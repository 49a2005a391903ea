"""Graph to trained model: jobs, the loop, evaluation, floors."""
