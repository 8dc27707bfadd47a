"""Install, upgrade, inspect and uninstall the macro with the CloudFormation templates in deploy/."""
