"""The parts of a gateway, each made from its settings: a module for each subject.

A part that a reload may hand on is made of a value with all the settings that it depends on, and of no other setting.
What a part tells of itself is turned into metrics and lines of the log here. What cannot be made raises a
`SettingsError`, which names the setting and the remedy.
"""
