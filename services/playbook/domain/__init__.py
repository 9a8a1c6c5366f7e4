"""The rules of playbooks: which facts call for a bundle, how text from outside is made harmless, what a bundle must satisfy."""
